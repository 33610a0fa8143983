import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { getPriority, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { OneAtATime } from '../../../src/base/one-at-a-time.js'
import { KEY } from '../../../test/mailserver/request-maker.js'
import type { Options } from '../options.js'
import { table } from '../table.js'
import { ATTACKS, type Attack, UPSTREAM_KEY } from './attacks.js'
import { type Asker, ask, askerOn, type Enough, message, type Seen, type State, state, sum } from './honest.js'
import type { Target } from './peer.js'

/** How long honest peers ask, idle and under attack, and how long until memory and disk are looked at again, ms. */
const SMALL: Form = { idle: 1000, attack: 4000, rest: 0, beside: false, twice: false }
const BRIEF: Form = { idle: 200, attack: 3000, rest: 0, beside: true, twice: false }
const FULL: Form = { idle: 2000, attack: 10_000, rest: 60_000, beside: false, twice: true }
const MIB = 1024 * 1024
/** How long the node has to go, ms. */
const LEAVING = 5000

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
  /** As many peers as twice what an audit needed. */
  twice: boolean
}

function start(module: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(module, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
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

/** In the full torture one node is attacked at a time, since times count; several may rest meanwhile. */
type Turns = Pick<OneAtATime, 'run'>
/** Elsewhere as many as there are jobs. */
const AT_ONCE: Turns = { run: task => task() }

interface Attacked {
  idle: Seen
  seen: Seen
  after: State
}

/** One node, before and under attack, and after it has rested; others may be attacked meanwhile. */
async function attacked(
  attack: Attack,
  { addresses, defence, form, turns }: { addresses: number; defence: 'on' | 'off'; form: Form; turns: Turns }
): Promise<Attacked> {
  const askers: Asker[] = []
  let server: ChildProcess | undefined
  try {
    const { node, idle, seen } = await turns.run(async () => {
      const node = start('./server.js', [JSON.stringify(attack.holds ?? {}), defence])
      server = node
      const target = await message<Target>(node)
      const key = attack.holds?.upstream === undefined ? KEY : UPSTREAM_KEY
      // who has a small allowance must not use it up
      const limit = attack.holds?.allowance === undefined ? 10 : 1
      for (const network of ['libp2p', 'devp2p'] as const) askers.push(await askerOn(network, target, { key, limit }))
      await ask(askers, node, form.idle)
      const idle = await ask(askers, node, form.idle)
      return { node, idle, seen: await underAttack(attack, { addresses, defence, form, server: node, askers, target }) }
    })
    await sleep(form.rest)
    await state(node)
    await sleep(form.beside ? 0 : 500)
    return { idle, seen, after: await state(node) }
  } finally {
    if (server !== undefined) await leave(server)
    await Promise.all(askers.map(({ line }) => line.end()))
  }
}

interface Fight {
  addresses: number
  defence: 'on' | 'off'
  form: Form
  server: ChildProcess
  askers: readonly Asker[]
  target: Target
}

/** What honest peers see meanwhile. */
async function underAttack(attack: Attack, fight: Fight): Promise<Seen> {
  const { addresses, defence, form, server, askers, target } = fight
  const peers = (form.twice ? attack.twice : undefined) ?? attack.peers
  const priority = form.beside ? 'beside' : 'below'
  const told = [attack.name, JSON.stringify(target), String(addresses), priority, String(peers)]
  const attacker = start('./attacker.js', told)
  try {
    const { pid } = attacker
    // elsewhere it would not take the node's processor; to begin takes it more than to go on
    const begun = message(attacker).then(() => {
      if (!form.beside) setPriority(pid as number, Math.min(19, getPriority() + 5))
    })
    const { bounds, work = [], most, refuses } = attack
    const past: Enough = (counted, refused) => (refuses === true ? refused > 0 : counted(work) > (most ?? 0))
    const met: Enough = counted => counted(bounds) > 0
    const awaited = defence === 'on' ? met : most !== undefined || refuses === true ? past : undefined
    return await ask(askers, server, form.attack, { begun, enough: awaited })
  } finally {
    attacker.kill('SIGKILL')
  }
}

/** What the node does for attackers in a second. */
function workRate({ work = [] }: Attack, { counts, lasted }: Seen): number {
  return sum(counts, work) / (lasted / 1000)
}

/** What it does for them for each answer that honest peers have meanwhile: on a slow machine both are less. */
function harmOf({ work = [], most, refuses }: Attack, { counts, answers, refusals }: Seen): number {
  if (refuses === true) return refusals.length
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
async function rowsOf(attack: Attack, options: Options, turns: Turns): Promise<Row[]> {
  const { full, brief, addresses: chosen } = options
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
      const result = await attacked(attack, { addresses, defence: 'on', form, turns })
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
  const isHarmful = attack.work !== undefined || attack.refuses === true
  if (isHarmful && isControlled && defended !== undefined)
    note(await controlOf(attack, { name: `${attack.name}, undefended`, defended, form: brief ? BRIEF : SMALL, turns }))
  return rows
}

/** Without the bounds anything may happen, but no less than with them. */
async function controlOf(
  attack: Attack,
  { name, defended, form, turns }: { name: string; defended: number; form: Form; turns: Turns }
): Promise<Row> {
  let row: Row = { cells: [name], failures: [] }
  for (let tried = 0; tried < CONTROLS; tried++) {
    try {
      const result = await attacked(attack, { addresses: 10, defence: 'off', form: { ...form, rest: 0 }, turns })
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
  const chosen = options.fault.split('|')
  const attacks = ATTACKS.filter(
    ({ name, brief }) => chosen.some(part => name.includes(part)) && (!options.brief || brief === true)
  )
  const found: Row[][] = []
  const left = [...attacks.entries()]
  const turns = options.full ? new OneAtATime() : AT_ONCE
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      found[next[0]] = await rowsOf(next[1], options, turns)
  }
  await Promise.all(Array.from({ length: options.jobs }, work))
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
