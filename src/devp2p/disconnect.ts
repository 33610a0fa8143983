import { encodeStructure, uint } from '../wire/structure.js'

/** Why a devp2p connection ends, as its numbers on the wire. */
export const DisconnectReason = {
  Requested: 0x00,
  NetworkError: 0x01,
  BreachOfProtocol: 0x02,
  UselessPeer: 0x03,
  TooManyPeers: 0x04,
  AlreadyConnected: 0x05,
  IncompatibleVersion: 0x06,
  NullIdentity: 0x07,
  Quitting: 0x08,
  UnexpectedIdentity: 0x09,
  Self: 0x0a,
  PingTimeout: 0x0b,
  SubprotocolError: 0x10
} as const

export type DisconnectReason = (typeof DisconnectReason)[keyof typeof DisconnectReason]

const NAMES = new Map(Object.entries(DisconnectReason).map(([name, reason]) => [reason as number, name]))

/** The connection ended with a stated reason. */
export class DisconnectError extends Error {
  static override readonly name = 'DisconnectError'
  override readonly name = 'DisconnectError'

  constructor(
    /** 0..255; a peer may send numbers that have no name. */
    readonly reason: number,
    /** Who said so. */
    readonly by: 'local' | 'remote',
    options?: ErrorOptions
  ) {
    super(`disconnected by ${by === 'local' ? 'us' : 'the peer'}: ${reasonName(reason)}`, options)
  }
}

export function reasonName(reason: number): string {
  return NAMES.get(reason) ?? `reason ${reason}`
}

/** The body of a Disconnect: `[reason]`. */
export function encodeDisconnect(reason: number): Uint8Array {
  return encodeStructure([uint(reason)])
}

/**
 * The reason in a body: `[reason]`, the bare number that newer go-ethereum sends, or none at all, which counts as
 * "requested". Undefined when it is none of these.
 */
export function decodeDisconnect(body: Uint8Array): number | undefined {
  const bare = body.length > 0 && (body[0] as number) >= 0xc0
  const content = bare ? body.subarray(1) : body
  if (bare && body[0] !== 0xc0 + content.length) return undefined
  if (content.length === 0) return DisconnectReason.Requested
  const first = content[0] as number
  if (content.length === 1) return first === 0x80 ? 0 : first < 0x80 ? first : undefined
  return content.length === 2 && first === 0x81 ? (content[1] as number) : undefined
}
