import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { defaultLogger } from '@libp2p/logger'
import { composeRequest } from '../../src/mailclient/request-seal.js'
import { Miner } from '../../src/waku/miner.js'
import { toHex } from '../../src/wire/bytes.js'
import { fullBloom } from '../../src/wire/envelope/bloom.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import { askingLibp2p } from '../../src/wire/request/mail-codec.js'
import { repositoryRoot } from '../../test/helpers/repository.js'
import { PASSWORD } from './history-protocol.js'

export type Network = 'libp2p' | 'devp2p'

/** What became of phones (test/interop/go/storm); times in ms. */
export interface Storm {
  ms: number
  dials: number[]
  answers: number[]
  /** When those that stay and listen heard of an envelope, ms of the Unix clock. */
  heard: number[]
  /** Of history. */
  bytes: number
  /** Connections that were closed at once; their phones came again a little later. */
  refused: number
  failures: string[]
}

const TOPICS = 10
const PAGE = 1000
const DAY = 86_400
/** How long a request lives: as long as may be, since all are made before the first is sent. */
const TTL = 300
const POW = 0.002

/** The program that plays the phones. Ends the process when there is no Go. */
export function buildPhones(): string {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    process.stderr.write(
      'The clients of this benchmark are Go programs: install Go 1.26 or later (https://go.dev/dl/).\n'
    )
    process.exit(1)
  }
  const script = join(repositoryRoot, 'test', 'interop', 'go', 'build.sh')
  const folder = join(repositoryRoot, 'build', 'interop')
  const out = execFileSync('sh', [script, folder, 'storm'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit']
  })
  return join(out.trim(), 'interop-storm')
}

export interface StormOptions {
  network: Network
  target: string
  /** As `requestsOf` makes them; empty ones: connect and leave. */
  requests: string[]
  parallel?: number
  addresses?: number
  /** One phone that stays and asks so often, in ms. */
  every?: number
}

/** Phones at work. */
export interface Phones {
  /** What became of them. */
  done: Promise<Storm>
  /** One that stays asks no more. */
  end(): void
}

export function letCome(program: string, options: StormOptions): Phones {
  const status = toHex(waku1Status.encodeStatus({ bloom: new Uint8Array(64), light: true }))
  // many are of a machine each: they must not keep this one from the server, and from the one that stays
  const [command, ...args] = options.every === undefined ? ['nice', '-n', '10', program] : [program]
  const child = spawn(command as string, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.on('error', () => {})
  child.stdin.write(`${JSON.stringify({ ...options, status })}\n`)
  const end = (): void => void child.stdin.end()
  const done = Promise.all([text(child.stdout), once(child, 'exit')]).then(([output, [code]]) => {
    if (code !== 0) throw new Error(`the phones ended with ${code}`)
    return JSON.parse(output) as Storm
  })
  return { done, end }
}

/** Phones that stay and say nothing. */
export interface StayingPhones {
  /** When all have connected, or given up. */
  there: Promise<unknown>
  /** Has them leave. */
  end(): Promise<Storm>
}

/** @param options.frame what each sends on a packets stream of its own; empty: none is opened */
export function letStay(
  program: string,
  options: { target: string; stay: number; frame: string; parallel: number; addresses: number }
): StayingPhones {
  // they are of a machine each: they must not keep this one from the server
  const child = spawn('nice', ['-n', '10', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.on('error', () => {})
  child.stdin.write(`${JSON.stringify({ ...options, network: 'libp2p' })}\n`)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const there = lines.next()
  return {
    there,
    async end() {
      await there
      child.stdin.end()
      const { value } = await lines.next()
      return JSON.parse(value as string) as Storm
    }
  }
}

/** Requests for ten topics of the last day of an archive, sealed each for itself, as the network carries them. */
export function requestsOf(
  network: Network,
  count: number,
  { topics, end }: { topics: string[]; end: number }
): Promise<string[]> {
  return sealed(network, count, i => {
    // all topics in turn: the few with much traffic among them
    const asked = Array.from({ length: TOPICS }, (_, at) => topics[(i * TOPICS + at) % topics.length] as string)
    const wanted = asked.map(topic => Uint8Array.from(Buffer.from(topic, 'hex')))
    return { lower: end - DAY, upper: end, limit: PAGE, bloom: fullBloom(), topics: wanted }
  })
}

/** Requests for one page of 1000 envelopes of whatever topic. */
export function pagesOf(network: Network, count: number, { end }: { end: number }): Promise<string[]> {
  return sealed(network, count, () => ({ lower: 0, upper: end, limit: PAGE, bloom: fullBloom(), topics: [] }))
}

async function sealed(
  network: Network,
  count: number,
  requestAt: (i: number) => Parameters<typeof composeRequest>[0]
): Promise<string[]> {
  const key = await keyFromPassword(PASSWORD)
  const miner = new Miner(defaultLogger().forComponent('bench'))
  const signal = AbortSignal.timeout(120_000)
  const now = Date.now() / 1000
  const out: string[] = []
  for (let i = 0; i < count; i++) {
    const parts = {
      miner,
      codec: askingLibp2p,
      dialect: 'spec6t' as const,
      key,
      signWith: undefined,
      pow: POW,
      ttl: TTL
    }
    const { body } = await composeRequest(requestAt(i), { ...parts, now, signal })
    out.push(toHex(network === 'libp2p' ? encodeFrame(PacketCode.Request, body) : body))
  }
  return out
}
