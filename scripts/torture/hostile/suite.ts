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
const SMALL = { idle: 1000, attack: 4000, rest: 0 }
const FULL = { idle: 5000, attack: 20_000, rest: 60_000 }
/** Between an answer and the next request, ms. */
const PAUSE = 25
/** Where honest peers are. */
const HONEST = '127.0.0.9'
const MIB = 1024 * 1024
/** How long the node has to go, ms. */
const LEAVING = 5000

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
  refused: number
  /** How long it took, ms. */
  lasted: number
}

interface Row {
  cells: string[]
  failures: string[]
}

type Form = typeof SMALL

function start(module: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(module, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
}

async function message<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the process ended')))
  const [answer] = await Promise.race([once(child, 'message'), ended])
  return answer as T
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

async function state(server: ChildProcess): Promise<State> {
  server.send('state')
  return await message<State>(server)
}

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

/** Resolves with whether it was answered and not refused. */
async function askOnce({ network, line, answers, key }: Asker): Promise<boolean> {
  await line.send(PacketCode.Request, sealRequest({ limit: 10 }, { key }).raw)
  for (;;) {
    const { value, done } = await answers.next()
    if (done === true) throw new Error('the honest conversation ended')
    if (value.code === PacketCode.RequestComplete)
      return network === 'devp2p' || decodeRequestComplete(value.body).error === undefined
  }
}

/** Honest peers ask for history, again and again, in turn: from now on, and so many ms after `begun`. */
async function ask(
  askers: readonly Asker[],
  server: ChildProcess,
  lasting: number,
  begun: Promise<unknown> = Promise.resolve()
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
  let refused = 0
  for (let i = 0; performance.now() < until; i++) {
    const began = performance.now()
    if (!(await askOnce(askers[i % askers.length] as Asker))) refused++
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
  return { ...after, counts, lasted, p95: times[Math.floor(times.length * 0.95)] as number, refused }
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
    attacker = start('./attacker.js', [attack.name, JSON.stringify(target), String(addresses)])
    const { pid } = attacker
    // elsewhere it would not take the node's processor; to begin takes it more than to go on
    const begun = message(attacker).then(() => setPriority(pid as number, Math.min(19, getPriority() + 5)))
    const seen = await ask(askers, server, form.attack, begun)
    attacker.kill('SIGKILL')
    await sleep(form.rest)
    await state(server)
    await sleep(500)
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

function rowOf(attack: Attack, name: string, defence: 'on' | 'off', { idle, seen, after }: Attacked): Row {
  const failures: string[] = []
  const met = sum(seen.counts, attack.bounds)
  if (defence === 'on' && seen.refused > 0) failures.push(`${name}: the honest peer was refused ${seen.refused} times`)
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
    workRate(attack, seen)
  ]
  return { cells: [name, ...figures.map(figure => figure.toFixed(0)), String(seen.refused)], failures }
}

/** A control that gets no more than a defended run is tried again: on a busy machine that happens by chance. */
const CONTROLS = 3

/** The runs of one attack: defended, and then without the bounds, where it has to get more. */
async function rowsOf(attack: Attack, { full }: Options): Promise<Row[]> {
  const form = full ? FULL : SMALL
  const rows: Row[] = []
  const note = (row: Row): void => {
    rows.push(row)
    process.stderr.write(`${row.cells.join('  ')}\n`)
  }
  let defended: { rate: number; met: number } | undefined
  for (const addresses of full ? [1, 10] : [10]) {
    const name = `${attack.name}, ${addresses === 1 ? 'one address' : 'ten addresses'}`
    try {
      const result = await attacked(attack, addresses, 'on', form)
      defended = { rate: workRate(attack, result.seen), met: sum(result.seen.counts, attack.bounds) }
      note(rowOf(attack, name, 'on', result))
    } catch (error) {
      const failed = `${name}: ${(error as Error).message}`
      note({ cells: [failed], failures: [failed] })
    }
  }
  if (attack.work !== undefined && defended !== undefined && defended.met > 0) {
    note(await controlOf(attack, `${attack.name}, undefended`, defended.rate, form))
  }
  return rows
}

/** Without the bounds anything may happen, but no less than with them. */
async function controlOf(attack: Attack, name: string, defended: number, form: Form): Promise<Row> {
  let row: Row = { cells: [name], failures: [] }
  for (let tried = 0; tried < CONTROLS; tried++) {
    try {
      const result = await attacked(attack, 10, 'off', { ...form, rest: 0 })
      row = rowOf(attack, name, 'off', result)
      if (workRate(attack, result.seen) > defended) return row
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
  'refused'
]

/**
 * What somebody may do to a node, tried on the daemon in a process of its own, beside an honest peer from another address.
 * Prints times, which say little on a busy machine, or with several nodes under attack at a time. Fails by counts: when the honest peer was refused anything, or when an attack
 * that met bounds gets no more without them. Resolves with the exit code.
 */
export async function hostileSuite(options: Options): Promise<number> {
  const attacks = ATTACKS.filter(
    ({ name, work }) => name.includes(options.fault) && (!options.brief || work !== undefined)
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
