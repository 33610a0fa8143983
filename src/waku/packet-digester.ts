import type { DigestOptions, PacketDigests } from '../wire/packet/packet-digests.js'

/** Hashes packets beside what judges them. */
export interface PacketDigester {
  /**
   * Begins to hash the body of a Messages packet, which may be changed from now on; one above 1 MiB once that is over. Undefined when
   * it is better hashed where it is judged; resolves with undefined when it could not be hashed here. Never rejects.
   *
   * @param options.pow what is asked of the envelopes
   * @param options.batch false where nobody asks for the packet's own hash
   */
  digest(body: Uint8Array, options: DigestOptions): Promise<PacketDigests | undefined> | undefined
}
