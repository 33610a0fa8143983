import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { MAX_BODY, NodeKey, type RlpxConnection, RlpxHost } from '../../src/devp2p/index.js'

/**
 * What our RLPx carries between two processes over loopback: `node dist/scripts/bench/rlpx.js [seconds per shape]`.
 * The sender runs in the child, so that each end has a core.
 */

const CAPABILITY = { name: 'waku', version: 1, length: 128 }
const ENVELOPE = 450

interface Shape {
  name: string
  /** Bytes of one message. */
  size: number
  /** Envelopes that a message of this size would hold. */
  envelopes: number
}

const SHAPES: Shape[] = [
  { name: '1 MiB messages', size: 1 << 20, envelopes: Math.floor((1 << 20) / ENVELOPE) },
  { name: '256 KiB of envelopes', size: 1 << 18, envelopes: Math.floor((1 << 18) / ENVELOPE) },
  { name: '100 KB messages', size: 100_000, envelopes: Math.floor(100_000 / ENVELOPE) },
  { name: '64 KiB of envelopes', size: 1 << 16, envelopes: Math.floor((1 << 16) / ENVELOPE) },
  { name: 'one envelope each', size: ENVELOPE, envelopes: 1 }
]

const seconds = Number(process.argv[2] ?? 3)

function host(onConnection: (connection: RlpxConnection) => void): RlpxHost {
  return new RlpxHost({ key: new NodeKey(), capabilities: [CAPABILITY], onConnection })
}

async function send(enode: string): Promise<void> {
  const node = host(() => {})
  const connection = await node.dial(enode)
  const stream = connection.stream('waku')
  if (stream === undefined) throw new Error('no stream')
  // the other side takes large messages from here on
  for await (const _ of stream.messages) break
  for (const [code, shape] of SHAPES.entries()) {
    const body = randomBytes(shape.size)
    const until = performance.now() + seconds * 1000
    while (performance.now() < until) for (let i = 0; i < 16; i++) await stream.send(code + 1, body)
  }
  await stream.send(0, Uint8Array.of(0xc0))
  await connection.closed
}

async function receive(): Promise<void> {
  let connect: (connection: RlpxConnection) => void = () => {}
  const connected = new Promise<RlpxConnection>(resolve => {
    connect = resolve
  })
  const node = host(connection => connect(connection))
  await node.listen({ host: '127.0.0.1', port: 0 })
  const child = fork(fileURLToPath(import.meta.url), [String(seconds), node.enode('127.0.0.1') ?? ''])
  const connection = await connected
  const stream = connection.stream('waku')
  if (stream === undefined) throw new Error('no stream')
  stream.maxBody = MAX_BODY
  await stream.send(0, Uint8Array.of(0xc0))
  const seen = SHAPES.map(() => ({ messages: 0, first: 0, last: 0 }))
  for await (const { code } of stream.messages) {
    if (code === 0) break
    const shape = seen[code - 1]
    if (shape === undefined) continue
    if (shape.messages++ === 0) shape.first = performance.now()
    shape.last = performance.now()
  }
  for (const [i, shape] of SHAPES.entries()) {
    const { messages, first, last } = seen[i] ?? { messages: 0, first: 0, last: 1 }
    const elapsed = (last - first) / 1000
    const mb = (messages * shape.size) / elapsed / 1e6
    const line = [
      shape.name.padEnd(22),
      `${mb.toFixed(1).padStart(7)} MB/s`,
      `${Math.round(messages / elapsed)
        .toString()
        .padStart(7)} messages/s`,
      `${Math.round((messages * shape.envelopes) / elapsed)
        .toString()
        .padStart(8)} envelopes/s`
    ]
    process.stdout.write(`${line.join('  ')}\n`)
  }
  await node.stop()
  child.kill()
}

const target = process.argv[3]
if (target === undefined) await receive()
else await send(target)
