import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Capability } from '../../src/wire/request/dialect.js'
import type { GoPeer } from './go-peer.js'

/** A packet as the Go peer saw it: `in` is what it received. The body is hex. */
export interface SessionPacket {
  dir: 'in' | 'out'
  code: number
  body: string
}

/** A recorded conversation between a Go peer and this node. */
export interface Session {
  name: string
  /** Which program was at the other end. */
  program: string
  capability: Capability
  /** Whether the Go peer asked for history, or served it. */
  role: 'client' | 'server'
  /** Opens the requests: hex of the key, 32 bytes. */
  key: string
  /** What the archive of the serving side held: encoded envelopes, hex. */
  archive: string[]
  packets: SessionPacket[]
}

/** What a Go peer that reports packets saw so far of one capability. */
export function packetsOf(peer: GoPeer, capability: Capability): SessionPacket[] {
  return peer.all('packet', { capability }).map(line => ({
    dir: line.dir as 'in' | 'out',
    code: line.code as number,
    body: String(line.body).slice(2)
  }))
}

export function writeSession(folder: string, session: Session): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${session.name}.json`), `${JSON.stringify(session, undefined, 1)}\n`)
}
