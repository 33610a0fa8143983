import { PacketCode } from './packet-code.js'
import { decodeStatusOptions, encodeStatusOptions, type StatusOptions } from './status.js'

/** How one capability spells Status and its updates. */
export interface StatusCodec {
  /** @throws UnencodableError */
  encodeStatus(options: StatusOptions): Uint8Array
  /** @throws MalformedError */
  decodeStatus(body: Uint8Array): StatusOptions
  /** The packets that announce a change; none when the capability cannot say it. */
  encodeUpdate(options: StatusOptions): { code: number; body: Uint8Array }[]
  /**
   * Undefined when `code` is not that of an update.
   * @throws MalformedError
   */
  decodeUpdate(code: number, body: Uint8Array): StatusOptions | undefined
}

/** waku/1 (6/WAKU1), also what libp2p streams speak. */
export const waku1Status: StatusCodec = {
  encodeStatus: encodeStatusOptions,
  decodeStatus: decodeStatusOptions,
  encodeUpdate: options => [{ code: PacketCode.StatusUpdate, body: encodeStatusOptions(options) }],
  decodeUpdate: (code, body) => (code === PacketCode.StatusUpdate ? decodeStatusOptions(body) : undefined)
}
