import '../../src/base/polyfill.js'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { offer } from '../../src/devp2p/capability-traits.js'
import { NodeKey, RlpxHost } from '../../src/devp2p/index.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { type Envelope, type EnvelopeFields, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import { Traffic } from '../../test/archive/traffic.js'
import { repositoryRoot } from '../../test/helpers/repository.js'
import { CellEnd } from '../../test/interop/cell.js'
import { GoPeer, type Program } from '../../test/interop/go-peer.js'
import { type Line, print, toldAtOnce } from './report.js'
import { ServerProcess } from './server-process.js'

const PASSWORD = 'bench'
/** Everything is measured so often, and the middle one told. */
const ROUNDS = 3
/** For a Go peer to read or count an archive, in ms. */
const PATIENCE = 600_000
const INGEST = 200_000
/** In which they were sent. */
const SECONDS = 5
/** Envelopes of one Messages packet. */
const PACKET = 250

const rate = (count: number, ms: number): string =>
  `${Math.round((count / ms) * 1000).toLocaleString('en')} envelopes/s`
const speed = (bytes: number, ms: number): string => `${(bytes / ms / 1000).toFixed(1)} MB/s`

/** What two processes of our own carry over RLPx, in MB/s, with messages as large as those of a history. */
function rawRlpx(): number {
  const file = fileURLToPath(new URL('./rlpx.js', import.meta.url))
  const text = execFileSync(process.execPath, [file, '2'], { encoding: 'utf8' })
  const found = /^256 KiB.*?([\d.]+) MB\/s/m.exec(text)
  if (found === null) throw new Error(`no result in ${text}`)
  return Number(found[1])
}

interface Counted {
  envelopes: number
  bytes: number
  ms: number
}

/** A real Go client counts a whole history. */
async function count(
  programs: string,
  client: { program: Program; capability: string; form: string },
  history: { enode: string; end: number; total: number }
): Promise<Counted> {
  const end = new CellEnd()
  try {
    const { capability, form } = client
    const peer = await GoPeer.start(end, programs, client.program, {
      capability,
      report: { gossip: false, historic: false }
    })
    await peer.do('dial', { enode: history.enode })
    const { peer: server } = await peer.awaitEvent('peer', { capability })
    const request = { from: Traffic.firstDay, to: history.end, bloom: 'full', limit: 1000, password: PASSWORD }
    const counted = peer.do('count', { peer: server, form, ...request, expect: history.total }, PATIENCE)
    const result = (await counted) as unknown as Counted & { error?: string }
    if (result.error !== undefined) throw new Error(result.error)
    if (result.envelopes !== history.total) throw new Error(`${result.envelopes} of ${history.total} envelopes came`)
    return result
  } finally {
    await end.run()
  }
}

/** The middle one of some runs by their time: the first finds programs that have hardly warmed up. */
async function middle<T extends { ms: number }>(run: () => Promise<T>): Promise<T> {
  const rounds: T[] = []
  for (let i = 0; i < ROUNDS; i++) rounds.push(await run())
  return rounds.sort((a, b) => a.ms - b.ms)[Math.floor(ROUNDS / 2)] as T
}

/** With the least work that there is: half of all nonces will do. */
function mined(fields: Omit<EnvelopeFields, 'nonce'>): Envelope {
  for (let nonce = 0n; ; nonce++) {
    const envelope = encodeEnvelope({ ...fields, nonce })
    if (envelope.powBits > 0) return envelope
  }
}

/** Envelopes posted by a peer over RLPx; done when the last one is confirmed, and thereby on disk. */
async function ingest(enode: string): Promise<number> {
  const now = Math.floor(Date.now() / 1000)
  const topics = Array.from({ length: 5000 }, () => randomBytes(4))
  const packets = Array.from({ length: INGEST / PACKET }, (_, i) => {
    // as live traffic comes: those of one second after those of the second before
    const sent = now - SECONDS + Math.floor((i * PACKET * SECONDS) / INGEST)
    return encodeMessages(
      Array.from({ length: PACKET }, () => {
        const topic = topics[Math.floor(Math.random() * topics.length)] as Uint8Array
        return mined({ expiry: sent + 60, ttl: 60, topic, data: randomBytes(400) }).raw
      })
    )
  })
  const host = new RlpxHost({ key: new NodeKey(), capabilities: offer(['waku/1']), onConnection: () => {} })
  const connection = await host.dial(enode)
  const stream = connection.stream('waku')
  if (stream === undefined) throw new Error('no stream')
  stream.maxBody = 1 << 24
  // it wants nothing itself, or what was posted in the round before would be sent to it meanwhile
  const bloom = new Uint8Array(64)
  await stream.send(PacketCode.Status, waku1Status.encodeStatus({ confirmations: true, bloom }))
  const started = performance.now()
  const sending = (async () => {
    for (const packet of packets) await stream.send(PacketCode.Messages, packet)
  })()
  let confirmed = 0
  for await (const { code, body } of stream.messages) {
    if (code === PacketCode.MessageResponse && body.length > 40) throw new Error('envelopes were refused')
    if (code === PacketCode.BatchAck && ++confirmed === packets.length) break
  }
  const ms = performance.now() - started
  await sending
  await host.stop()
  return ms
}

/** A whole history over devp2p to real Go clients, beside the transport's own limit and go-ethereum's mailserver; and ingest. */
export async function devp2pBench(total: number): Promise<Line[]> {
  // The Go peers measure, and share the machine's cores with what is measured: they collect garbage less often than usual.
  process.env.GOGC ??= '400'
  await useQuickKeccak()
  const { lines, add } = toldAtOnce()
  const script = join(repositoryRoot, 'test', 'interop', 'go', 'build.sh')
  const programs = execFileSync('sh', [script], { encoding: 'utf8' }).trim()
  const directory = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const server = new ServerProcess('./devp2p-server.js', [directory, String(total), PASSWORD])
  try {
    const { enode, bytes, end } = await server.answer<{ enode: string; bytes: number; end: number }>('ready')
    const raw = rawRlpx()
    add('raw RLPx between two of our processes', `${raw.toFixed(1)} MB/s`)
    const history = { enode, end, total }
    for (const client of [
      { program: 'statusgo', capability: 'waku/0', form: 'enc-sg7' },
      { program: 'statusgo', capability: 'shh/6', form: 'enc-sg7' },
      { program: 'geth', capability: 'shh/6', form: 'raw72' }
    ] as const) {
      const { ms, bytes: got } = await middle(() => count(programs, client, history))
      const share = `${Math.round((100 * got) / ms / 1000 / raw)} % of raw`
      add(
        `history to ${client.program} ${client.capability} ${client.form}`,
        `${rate(total, ms)}, ${speed(got, ms)}, ${share}`
      )
    }
    const file = join(directory, 'archive.rlp')
    await server.answer('export', file)
    for (const [program, capability, form] of [
      ['geth', 'shh/6', 'raw72'],
      ['statusgo', 'waku/0', 'enc-sg7']
    ] as const) {
      const over = new CellEnd()
      try {
        const theirs = await GoPeer.start(over, programs, program, {
          capability,
          mailserver: { password: PASSWORD },
          report: { gossip: false }
        })
        await theirs.do('archive', { file }, PATIENCE)
        const counted = await count(
          programs,
          { program: 'statusgo', capability, form },
          { enode: theirs.enode, end, total }
        )
        const name = program === 'geth' ? "go-ethereum's mailserver" : "the interop peer's own, from memory"
        add(`the same from ${name}`, `${rate(total, counted.ms)}, ${speed(counted.bytes, counted.ms)}`)
      } finally {
        await over.run()
      }
    }
    const { ms } = await middle(async () => ({ ms: await ingest(enode) }))
    const stored = (await server.answer<number>('count')) - total
    if (stored !== ROUNDS * INGEST) throw new Error(`${stored} of ${ROUNDS * INGEST} envelopes were stored`)
    add('ingest over RLPx, proof of work checked, on disk', rate(INGEST, ms))
    add('archive', `${total} envelopes, ${speed(bytes, 1000)}`.replace(' MB/s', ' MB'))
    add('memory of the server', await server.answer<string>('stop'))
    return lines
  } finally {
    server.kill()
    await rm(directory, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    process.stderr.write(
      'The clients of this benchmark are Go programs: install Go 1.26 or later (https://go.dev/dl/).\n'
    )
    process.exit(1)
  }
  print(await devp2pBench(Number(process.argv[2] ?? 1_000_000)))
}
