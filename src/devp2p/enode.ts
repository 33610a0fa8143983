import { isIP } from 'node:net'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { isPoint, pointCompress } from 'tiny-secp256k1'
import { fromHex, toHex } from '../wire/bytes.js'
import { EnodeError } from './errors.js'

/** Where a devp2p node is reached and who it is. */
export interface Enode {
  /** 64 bytes: the uncompressed public key without its prefix. */
  id: Uint8Array
  /** An IP address, without brackets, or a DNS name. */
  host: string
  /** TCP port, 1..65535. */
  port: number
  /** UDP port when it differs from the TCP port. */
  discoveryPort?: number | undefined
}

const ENODE = /^enode:\/\/([0-9a-f]{128})@(\[[0-9a-f:.]+\]|[a-z0-9.-]+):(\d{1,5})(?:\/?\?discport=(\d{1,5}))?$/i

export function isEnode(text: string): boolean {
  return /^enode:\/\//i.test(text)
}

/**
 * Reads `enode://<128 hex>@<ip>:<port>[?discport=<port>]`; an IPv6 address stands in brackets, a DNS name is allowed.
 *
 * @throws EnodeError
 */
export function parseEnode(text: string): Enode {
  const parts = ENODE.exec(text.trim())
  if (parts === null) throw new EnodeError('not of the form enode://<128 hex digits>@<ip>:<port>')
  const [, hex = '', address = '', portText = '', discoveryText] = parts
  const bracketed = address.startsWith('[')
  const host = bracketed ? address.slice(1, -1) : address
  if (bracketed && isIP(host) !== 6) throw new EnodeError(`"${host}" is no IPv6 address`)
  if (/^[\d.]+$/.test(host) && isIP(host) !== 4) throw new EnodeError(`"${host}" is no IPv4 address`)
  const port = Number(portText)
  if (port < 1 || port > 65535) throw new EnodeError(`port ${portText} is out of range`)
  const id = fromHex(hex)
  publicKeyOf(id)
  const enode: Enode = { id, host, port }
  if (discoveryText !== undefined) {
    const discoveryPort = Number(discoveryText)
    if (discoveryPort > 65535) throw new EnodeError(`discovery port ${discoveryText} is out of range`)
    if (discoveryPort !== port) enode.discoveryPort = discoveryPort
  }
  return enode
}

export function formatEnode(enode: Enode): string {
  const host = isIP(enode.host) === 6 ? `[${enode.host}]` : enode.host
  const discovery = enode.discoveryPort === undefined ? '' : `?discport=${enode.discoveryPort}`
  return `enode://${toHex(enode.id)}@${host}:${enode.port}${discovery}`
}

/**
 * The name the same key has on libp2p.
 *
 * @param id 64 bytes
 * @throws EnodeError when the id is no public key
 */
export function peerIdFromNodeId(id: Uint8Array): PeerId {
  const key = publicKeyOf(id)
  const compressed = new Uint8Array(33)
  compressed[0] = (key[64] as number) & 1 ? 0x03 : 0x02
  compressed.set(key.subarray(1, 33), 1)
  return peerIdFromPublicKey(publicKeyFromRaw(compressed))
}

/**
 * The 64-byte node id of a peer.
 *
 * @throws EnodeError when the peer's key is not secp256k1, so that it can have no node id
 */
export function nodeIdFromPeerId(peer: PeerId): Uint8Array {
  if (peer.type !== 'secp256k1') throw new EnodeError(`a peer with ${peer.type ?? 'this'} key has no devp2p node id`)
  return pointCompress(peer.publicKey.raw, false).subarray(1)
}

/** The 65-byte public key of a node id; checked to be a point of the curve. */
export function publicKeyOf(id: Uint8Array): Uint8Array {
  if (id.length !== 64) throw new EnodeError(`a node id has 64 bytes, not ${id.length}`)
  const key = new Uint8Array(65)
  key[0] = 0x04
  key.set(id, 1)
  if (!isPoint(key)) throw new EnodeError('the node id is no public key')
  return key
}
