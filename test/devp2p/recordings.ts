import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fromHex } from '../../src/wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import type { Capability } from '../../src/wire/request/dialect.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { repositoryRoot } from '../helpers/repository.js'
import type { Session } from '../interop/session-file.js'
import { recordedSessions } from '../wire/legacy-vectors.js'

/** The key that the recorded servers opened requests sealed to a public key with. */
export const REQUEST_KEY: Uint8Array = new Uint8Array(32).fill(5)

export interface RecordedPacket {
  from: 'client' | 'server'
  code: number
  body: Uint8Array
}

/** A conversation in which a client asked a server for history, or posted to it. */
export interface Recording {
  name: string
  capability: Capability
  /** What the requests are sealed with. */
  key: Uint8Array
  /** What the server had. */
  archive: Envelope[]
  packets: RecordedPacket[]
}

const FIRST_CODE = 16
/** 25 envelopes that every recorded server had in its archive. */
const ARCHIVE_SESSION = 'waku1_enc_bloom.json'

/** Sessions between deployed programs: `VECTORS_DIR` says where they are; without it there are none, and that is said. */
export async function deployedRecordings(context: TestContext): Promise<Recording[]> {
  const sessions = recordedSessions(context)
  const keys = new Map<string, Uint8Array>()
  for (const { password } of sessions) {
    if (password !== undefined && !keys.has(password)) keys.set(password, await keyFromPassword(password))
  }
  const whole = sessions.find(({ file }) => file === ARCHIVE_SESSION)
  const archive = (whole?.messages ?? [])
    .filter(({ code, dir }) => code === FIRST_CODE + PacketCode.P2PMessage && dir === 'in')
    .flatMap(({ payload }) => envelopesIn(fromHex(payload)))
  return sessions.map(({ file, proto, password = '', messages }) => ({
    name: file.replace('.json', ''),
    capability: proto,
    key: keys.get(password) ?? new Uint8Array(32),
    archive,
    packets: messages
      .filter(({ name }) => name.startsWith('sub+'))
      .map(({ dir, code, payload }) => ({
        from: dir === 'in' ? ('server' as const) : ('client' as const),
        code: code - FIRST_CODE,
        body: fromHex(payload)
      }))
  }))
}

/** Sessions between this node and Go peers, written by `npm run test:interop -- --record`. */
export function interopRecordings(): Recording[] {
  const folder = join(repositoryRoot, 'test', 'fixtures', 'interop')
  return readdirSync(folder)
    .sort()
    .map(file => {
      const { name, capability, key, archive, packets, role } = JSON.parse(
        readFileSync(join(folder, file), 'utf8')
      ) as Session
      return {
        name,
        capability,
        key: fromHex(key),
        archive: archive.map(raw => decodeEnvelope(fromHex(raw))),
        packets: packets.map(({ dir, code, body }) => ({
          from: (dir === 'out') === (role === 'client') ? ('client' as const) : ('server' as const),
          code,
          body: fromHex(body)
        }))
      }
    })
}

export function envelopesIn(body: Uint8Array): Envelope[] {
  return splitP2PMessage(body).map(({ raw }) => decodeEnvelope(raw))
}

/** One request of a recording and everything that its server answered. */
export interface RecordedRequest {
  body: Uint8Array
  deliveries: Uint8Array[]
  /** Absent where the server sends none. */
  completion: Uint8Array | undefined
}

export function requestsOf({ packets }: Recording): RecordedRequest[] {
  const requests: RecordedRequest[] = []
  for (const { from, code, body } of packets) {
    const last = requests.at(-1)
    if (from === 'client' && code === PacketCode.Request) requests.push({ body, deliveries: [], completion: undefined })
    else if (from === 'server' && code === PacketCode.P2PMessage) last?.deliveries.push(body)
    else if (from === 'server' && code === PacketCode.RequestComplete && last !== undefined) last.completion = body
  }
  return requests
}

export function statusOf({ packets }: Recording, from: 'client' | 'server'): Uint8Array {
  const status = packets.find(packet => packet.code === PacketCode.Status && packet.from === from)
  if (status === undefined) throw new Error('the recording has no Status')
  return status.body
}
