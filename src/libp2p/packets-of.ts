import type { Packet } from '../waku/packet-channel.js'

/** A step of a pipeline: the bodies of the packets with one code; the rest is ignored. */
export function packetsOf(code: number): (packets: AsyncIterable<Packet>) => AsyncGenerator<Uint8Array, void> {
  return async function* (packets) {
    for await (const packet of packets) if (packet.code === code) yield packet.body
  }
}
