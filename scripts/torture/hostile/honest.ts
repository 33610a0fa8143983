import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Packet } from '../../../src/waku/packet-channel.js'
import { PacketCode } from '../../../src/wire/packet/packet-code.js'
import { waku1Status } from '../../../src/wire/packet/status-codec.js'
import { decodeRequestComplete } from '../../../src/wire/request/request-complete.js'
import { sealRequest } from '../../../test/mailserver/request-maker.js'
import { type Line, lineFrom, type Network, type Target } from './peer.js'
import type { Stall } from './pulse.js'

/** Between two looks at whether a bound was met, ms. */
const PEEK = 500
/** Between an answer and the next request, ms. */
const PAUSE = 25
/** Where honest peers are. */
const HONEST = '127.0.0.9'
/** How much longer an attack may take until it meets a bound, or gets past it without one, ms: on a busy machine attackers have little. */
const BUSY = 45_000

export interface State {
  stall: Stall
  /** When there was most of it, bytes. */
  memory: NodeJS.MemoryUsage
  disk: number
  counts: Record<string, number>
}

export interface Seen extends State {
  /** Of the answers, ms. */
  p95: number
  /** Why honest peers were refused, each time. */
  refusals: string[]
  /** That honest peers had. */
  answers: number
  /** How long it took, ms. */
  lasted: number
}

export async function message<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController()
  const { signal } = over
  const ended = once(child, 'exit', { signal }).then(() => Promise.reject(new Error('the process ended')))
  try {
    const [answer] = await Promise.race([once(child, 'message', { signal }), ended])
    return answer as T
  } finally {
    over.abort()
  }
}

/** As it is, and the worst since that was asked before; `peek` leaves that for the next one. */
export async function state(server: ChildProcess, options: { peek?: boolean } = {}): Promise<State> {
  server.send(options.peek === true ? 'peek' : 'state')
  return await message<State>(server)
}

/** Whether what was counted so far, and how often honest peers were refused, tells what an attack does. */
export type Enough = (counted: (names: readonly string[]) => number, refused: number) => boolean

export interface Asker {
  network: Network
  line: Line
  answers: AsyncIterator<Packet>
  /** Of the mailserver that it asks. */
  key: Uint8Array
  /** Envelopes that it asks for at a time. */
  limit: number
}

/** An honest peer, which may ask for history. */
export async function askerOn(
  network: Network,
  target: Target,
  { key, limit }: Pick<Asker, 'key' | 'limit'>
): Promise<Asker> {
  const line = await lineFrom(network, HONEST, target, { mail: true })
  if (network === 'devp2p') await line.send(PacketCode.Status, waku1Status.encodeStatus({ topics: [] }))
  return { network, line, answers: line.packets[Symbol.asyncIterator](), key, limit }
}

/** Resolves when it was answered, with why it was refused. */
async function askOnce({ network, line, answers, key, limit }: Asker): Promise<string | undefined> {
  await line.send(PacketCode.Request, sealRequest({ limit }, { key }).raw)
  for (;;) {
    const { value, done } = await answers.next()
    if (done === true) throw new Error('the honest conversation ended')
    if (value.code === PacketCode.RequestComplete)
      return network === 'devp2p' ? undefined : decodeRequestComplete(value.body).error?.text
  }
}

/**
 * Honest peers ask for history, again and again, in turn: from now on, and so many ms after `begun`; longer, while of what is counted
 * there is not `enough`.
 */
export async function ask(
  askers: readonly Asker[],
  server: ChildProcess,
  lasting: number,
  { begun = Promise.resolve(), enough }: { begun?: Promise<unknown>; enough?: Enough | undefined } = {}
): Promise<Seen> {
  const before = await state(server)
  const started = performance.now()
  let until = Number.POSITIVE_INFINITY
  begun.then(
    () => {
      until = performance.now() + lasting
    },
    () => {
      until = 0
    }
  )
  const times: number[] = []
  const refusals: string[] = []
  let looked = 0
  const isOver = async (): Promise<boolean> => {
    const now = performance.now()
    if (now < until) return false
    if (enough === undefined || now > until + BUSY) return true
    if (now < looked + PEEK) return false
    looked = now
    const { counts } = await state(server, { peek: true })
    return enough(names => sum(counts, names) - sum(before.counts, names), refusals.length)
  }
  for (let i = 0; !(await isOver()); i++) {
    const began = performance.now()
    const refusal = await askOnce(askers[i % askers.length] as Asker)
    if (refusal !== undefined) refusals.push(refusal)
    times.push(performance.now() - began)
    await sleep(PAUSE)
  }
  await begun
  times.sort((a, b) => a - b)
  const after = await state(server)
  const counts = Object.fromEntries(
    Object.entries(after.counts).map(([name, count]) => [name, count - (before.counts[name] ?? 0)])
  )
  const lasted = performance.now() - started
  const p95 = times[Math.floor(times.length * 0.95)] as number
  return { ...after, counts, lasted, p95, refusals, answers: times.length }
}

export const sum = (counts: Record<string, number>, names: readonly string[]): number =>
  names.reduce((total, name) => total + (counts[name] ?? 0), 0)
