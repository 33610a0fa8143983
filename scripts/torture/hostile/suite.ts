import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { getPriority, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Packet } from '../../../src/waku/packet-channel.js'
import { PacketCode } from '../../../src/wire/packet/packet-code.js'
import { waku1Status } from '../../../src/wire/packet/status-codec.js'
import { decodeRequestComplete } from '../../../src/wire/request/request-complete.js'
import { KEY, sealRequest } from '../../../test/mailserver/request-maker.js'
import type { Options } from '../options.js'
import { table } from '../table.js'
import { ATTACKS, type Attack, UPSTREAM_KEY } from './attacks.js'
import { type Line, lineFrom, type Network, type Target } from './peer.js'
import type { Stall } from './pulse.js'

/** How long honest peers ask, idle and under attack, and how long until memory and disk are looked at again, ms. */
const SMALL: Form = { idle: 1000, attack: 4000, rest: 0, beside: false }
const BRIEF: Form = { idle: 200, attack: 3000, rest: 0, beside: true }
const FULL: Form = { idle: 5000, attack: 20_000, rest: 60_000, beside: false }
/** Between two looks at whether a bound was met, ms. */
const PEEK = 500
/** Between an answer and the next request, ms. */
const PAUSE = 25
/** Where honest peers are. */
const HONEST = '127.0.0.9'
const MIB = 1024 * 1024
/** How long the node has to go, ms. */
const LEAVING = 5000
/** How much longer an attack may take until it meets a bound, or gets past it without one, ms: on a busy machine attackers have little. */
const BUSY = 45_000

interface State {
  stall: Stall
  /** When there was most of it, bytes. */
  memory: NodeJS.MemoryUsage
  disk: number
  counts: Record<string, number>
}

interface Seen extends State {
  /** Of the answers, ms. */
  p95: number
  /** Why honest peers were refused, each time. */
  refusals: string[]
  /** That honest peers had. */
  answers: number
  /** How long it took, ms. */
  lasted: number
}

interface Row {
  cells: string[]
  failures: string[]
}

interface Form {
  idle: number
  attack: number
  rest: number
  /** Attackers get as much of the machine as others do: where only counts are looked at. */
  beside: boolean
}

function start(module: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(module, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
}

async function message<T>(child: ChildProcess): Promise<T> {
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

/** It removes what it wrote, or is killed. */
async function leave(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const timer = setTimeout(() => server.kill('SIGKILL'), LEAVING)
  const ended = once(server, 'exit')
  if (server.connected) server.disconnect()
  await ended
  clearTimeout(timer)
}

/** As it is, and the worst since that was asked before; `peek` leaves that for the next one. */
async function state(server: ChildProcess, options: { peek?: boolean } = {}): Promise<State> {
  server.send(options.peek === true ? 'peek' : 'state')
  return await message<State>(server)
}

/** Whether what was counted so far tells what an attack does. */
type Enough = (counted: (names: readonly string[]) => number) => boolean

interface Asker {
  network: Network
  line: Line
  answers: AsyncIterator<Packet>
  /** Of the mailserver that it asks. */
  key: Uint8Array
}

/** An honest peer, which may ask for history. */
async function askerOn(network: Network, target: Target, key: Uint8Array): Promise<Asker> {
  const line = await lineFrom(network, HONEST, target, { mail: true })
  if (network === 'devp2p') await line.send(PacketCode.Status, waku1Status.encodeStatus({ topics: [] }))
  return { network, line, answers: line.packets[Symbol.asyncIterator](), key }
}

/** Resolves when it was answered, with why it was refused. */
async function askOnce({ network, line, answers, key }: Asker): Promise<string | undefined> {
  await line.send(PacketCode.Request, sealRequest({ limit: 10 }, { key }).raw)
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
async function ask(
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
    return enough(names => sum(counts, names) - sum(before.counts, names))
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

interface Attacked {
  idle: Seen
  seen: Seen
  after: State
}

async function attacked(attack: Attack, addresses: number, defence: 'on' | 'off', form: Form): Promise<Attacked> {
  const server = start('./server.js', [JSON.stringify(attack.holds ?? {}), defence])
  let attacker: ChildProcess | undefined
  const askers: Asker[] = []
  try {
    const target = await message<Target>(server)
    const key = attack.holds?.upstream === undefined ? KEY : UPSTREAM_KEY
    for (const network of ['libp2p', 'devp2p'] as const) askers.push(await askerOn(network, target, key))
    await ask(askers, server, form.idle)
    const idle = await ask(askers, server, form.idle)
    const priority = form.beside ? 'beside' : 'below'
    attacker = start('./attacker.js', [attack.name, JSON.stringify(target), String(addresses), priority])
    const { pid } = attacker
    // elsewhere it would not take the node's processor; to begin takes it more than to go on
    const begun = message(attacker).then(() => {
      if (!form.beside) setPriority(pid as number, Math.min(19, getPriority() + 5))
    })
    const { bounds, work = [], most } = attack
    const met: Enough = counted => counted(bounds) > 0
    const enough =
      defence === 'on' ? met : most && ((counted: (names: readonly string[]) => number) => counted(work) > most)
    const seen = await ask(askers, server, form.attack, { begun, enough: enough || undefined })
    attacker.kill('SIGKILL')
    await sleep(form.rest)
    await state(server)
    await sleep(form.beside ? 0 : 500)
    return { idle, seen, after: await state(server) }
  } finally {
    attacker?.kill('SIGKILL')
    await leave(server)
    await Promise.all(askers.map(({ line }) => line.end()))
  }
}

const sum = (counts: Record<string, number>, names: readonly string[]): number =>
  names.reduce((total, name) => total + (counts[name] ?? 0), 0)

/** What the node does for attackers in a second. */
function workRate({ work = [] }: Attack, { counts, lasted }: Seen): number {
  return sum(counts, work) / (lasted / 1000)
}

/** What it does for them for each answer that honest peers have meanwhile: on a slow machine both are less. */
function harmOf({ work = [], most }: Attack, { counts, answers }: Seen): number {
  return most === undefined ? sum(counts, work) / answers : sum(counts, work)
}

function rowOf(attack: Attack, name: string, defence: 'on' | 'off', { idle, seen, after }: Attacked): Row {
  const failures: string[] = []
  const met = sum(seen.counts, attack.bounds)
  if (defence === 'on') {
    const [refusal] = seen.refusals
    if (refusal !== undefined)
      failures.push(`${name}: honest peers were refused ${seen.refusals.length} times, such as: ${refusal}`)
    if (met === 0) failures.push(`${name}: it met no bound`)
    const harm = harmOf(attack, seen)
    if (attack.most !== undefined && harm > attack.most)
      failures.push(`${name}: ${harm} where ${attack.most} are allowed`)
  }
  const figures = [
    idle.p95,
    seen.p95,
    idle.stall.longest,
    seen.stall.longest,
    seen.stall.waited,
    seen.stall.worked,
    (seen.memory.rss - idle.memory.rss) / MIB,
    (seen.memory.heapTotal - idle.memory.heapTotal) / MIB,
    (seen.memory.external - idle.memory.external) / MIB,
    (after.memory.rss - idle.memory.rss) / MIB,
    (after.disk - idle.disk) / 1024,
    met,
    workRate(attack, seen),
    harmOf(attack, seen)
  ]
  return { cells: [name, ...figures.map(figure => figure.toFixed(0)), String(seen.refusals.length)], failures }
}

/** A control that gets no more than a defended run is tried again: on a busy machine that happens by chance. */
const CONTROLS = 3

/** The runs of one attack: defended, and then without the bounds, where it has to get more. */
async function rowsOf(attack: Attack, { full, brief, addresses: chosen }: Options): Promise<Row[]> {
  const form = full ? FULL : brief ? BRIEF : SMALL
  const rows: Row[] = []
  const note = (row: Row): void => {
    rows.push(row)
    process.stderr.write(`${row.cells.join('  ')}\n`)
  }
  let defended: number | undefined
  for (const addresses of chosen !== undefined ? [chosen] : full ? [1, 10] : [10]) {
    const name = `${attack.name}, ${addresses === 1 ? 'one address' : addresses === 10 ? 'ten addresses' : `${addresses} addresses`}`
    try {
      const result = await attacked(attack, addresses, 'on', form)
      defended = attack.most ?? harmOf(attack, result.seen)
      note(rowOf(attack, name, 'on', result))
    } catch (error) {
      const { message, stack } = error as Error
      process.stderr.write(`${stack}\n`)
      const failed = `${name}: ${message}`
      note({ cells: [failed], failures: [failed] })
    }
  }
  const isControlled = attack.uncontrolled === undefined || (attack.uncontrolled === 'brief' && !brief)
  if (attack.work !== undefined && isControlled && defended !== undefined)
    note(await controlOf(attack, `${attack.name}, undefended`, defended, form))
  return rows
}

/** Without the bounds anything may happen, but no less than with them. */
async function controlOf(attack: Attack, name: string, defended: number, form: Form): Promise<Row> {
  let row: Row = { cells: [name], failures: [] }
  for (let tried = 0; tried < CONTROLS; tried++) {
    try {
      const result = await attacked(attack, 10, 'off', { ...form, rest: 0 })
      row = rowOf(attack, name, 'off', result)
      if (harmOf(attack, result.seen) > defended) return row
    } catch (error) {
      return { cells: [`${name}: ${(error as Error).message}`], failures: [] }
    }
  }
  return { ...row, failures: [...row.failures, `${name}: the control got no more than with the bounds`] }
}

const HEAD = [
  'attack',
  'idle p95 ms',
  'p95 ms',
  'idle stall ms',
  'stall ms',
  'not run ms',
  'worked ms',
  'MiB over idle',
  'heap',
  'buffers',
  'MiB after',
  'disk KiB',
  'bounds met',
  'work/s',
  'for each answer, or in all',
  'refused'
]

/**
 * What somebody may do to a node, tried on the daemon in a process of its own, beside an honest peer from another address.
 * Prints times, which say little on a busy machine, or with several nodes under attack at a time. Fails by counts: when the honest peer
 * was refused anything, when an attack met no bound or got past it, or gets no more without them. Resolves with the exit code.
 */
export async function hostileSuite(options: Options): Promise<number> {
  const attacks = ATTACKS.filter(
    ({ name, brief }) => name.includes(options.fault) && (!options.brief || brief === true)
  )
  const found: Row[][] = []
  const left = [...attacks.entries()]
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      found[next[0]] = await rowsOf(next[1], options)
  }
  await Promise.all(Array.from({ length: options.full ? 1 : options.jobs }, work))
  const rows = found.flat()
  process.stdout.write(
    table(
      HEAD,
      rows.map(({ cells }) => cells)
    )
  )
  const failures = rows.flatMap(({ failures }) => failures)
  for (const failure of failures) process.stdout.write(`FAILED  ${failure}\n`)
  return failures.length === 0 ? 0 : 1
}
