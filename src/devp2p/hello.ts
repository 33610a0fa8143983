import { MalformedError } from '../wire/errors.js'
import { printable } from '../wire/printable.js'
import { decodeUint } from '../wire/rlp.js'
import { children, decodeList, encodeStructure, uint } from '../wire/structure.js'

/** Messages of the p2p capability, at the ids below every other capability. */
export const P2PMessage = { Hello: 0x00, Disconnect: 0x01, Ping: 0x02, Pong: 0x03 } as const

/** The first version that compresses. */
export const SNAPPY_VERSION = 5

/** The largest Hello (and Disconnect, Ping, Pong) accepted, in bytes. */
export const MAX_P2P_MESSAGE = 2048

const MAX_CAPABILITIES = 256

/** A subprotocol as peers name it. */
export interface CapabilityName {
  name: string
  version: number
}

export interface Hello {
  /** p2p version: 4, or 5 with compression. */
  version: number
  /** What the peer calls its program; printable, at most 200 characters. */
  client: string
  capabilities: CapabilityName[]
  /** The TCP port the peer says it listens on, 0 for none. */
  port: number
  /** Node id, 64 bytes. */
  id: Uint8Array
}

/** The body of a Hello: `[version, client, [[name, version]…], port, id]`. */
export function encodeHello(hello: Hello): Uint8Array {
  const text = new TextEncoder()
  return encodeStructure([
    uint(hello.version),
    text.encode(hello.client),
    hello.capabilities.map(({ name, version }) => [text.encode(name), uint(version)]),
    uint(hello.port),
    hello.id
  ])
}

/**
 * Reads a Hello; further items are ignored, and a capability that is none we could know is passed over.
 *
 * @throws MalformedError
 */
export function decodeHello(body: Uint8Array): Hello {
  const [version, client, capabilities, port, id] = decodeList(body)
  if (version === undefined || client === undefined || capabilities === undefined)
    throw new MalformedError('short Hello')
  if (port === undefined || id === undefined || id.isList || id.payload.length !== 64) {
    throw new MalformedError('a Hello without a node id')
  }
  if (client.isList) throw new MalformedError('a Hello whose client is no text')
  return {
    version: decodeUint(version, { max: 0xffff_ffff }),
    client: printable(client.payload),
    capabilities: children(capabilities, { max: MAX_CAPABILITIES }).flatMap(item => {
      const [name, number] = children(item)
      if (name === undefined || number === undefined || name.isList || name.payload.length > 32) return []
      return [{ name: String.fromCharCode(...name.payload), version: decodeUint(number, { max: 0xffff_ffff }) }]
    }),
    port: decodeUint(port, { max: 0xffff_ffff }),
    id: id.payload.slice()
  }
}
