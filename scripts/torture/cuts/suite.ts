import { join } from 'node:path'
import { Prng } from '../../../test/archive/prng.js'
import { type Activity, activities } from '../faults/activities.js'
import { onFaultyDisk } from '../faulty-suite.js'
import type { Options } from '../options.js'
import type { Tools } from '../part.js'
import { Result, type Row, resultTable } from '../result.js'
import { confirmFirst, noSync, type Weakness } from '../weakness.js'
import { judgeCut, KINDS, type Kind, type Recorded } from './cut.js'
import { recordAgain, recordRun } from './record.js'

const RUNS = { small: 100, full: 1000 }
/** Cuts of one run, and of one that begins where that was cut. */
const EACH = 15
/** The node itself is started on what so many cuts leave, one of them; of the others the archive is opened. */
const WHOLE = 20
/** Cuts of a control at most: what it loses may be by chance. */
const CONTROLS = 60

const defence = (kind: Kind): Weakness => (kind === 'kill -9' ? confirmFirst : noSync)

/** The rows of an activity, by what ends its runs. */
type Rows = Record<Kind, Result<Row>>

const rowsOf = (activity: Activity, control: boolean): Rows =>
  Object.fromEntries(
    KINDS.map(kind => [kind, new Result({ name: `${kind} during ${activity.name}`, weakness: defence(kind) }, control)])
  ) as Rows

/** Kills and power cuts at many places of few runs, which were recorded. Resolves with the exit code. */
export function cutsSuite(options: Options): Promise<number> {
  return onFaultyDisk(options, tools => runAll(options, tools))
}

async function runAll({ runs, full, seed, jobs, fault }: Options, tools: Tools): Promise<number> {
  const wanted = activities.filter(({ name }) => name.includes(fault))
  const total = runs ?? (full ? RUNS.full : RUNS.small)
  const began = performance.now()
  const results: Result<Row>[] = []
  const work: Array<(folder: string) => Promise<void>> = []
  for (const [at, activity] of wanted.entries()) {
    const rows = rowsOf(activity, false)
    const controls = rowsOf(activity, true)
    for (const kind of KINDS) results.push(rows[kind], controls[kind])
    const share = Math.floor(total / wanted.length) + (at < total % wanted.length ? 1 : 0)
    for (let done = 0; done < share; done += 2 * EACH) {
      const cuts = Math.min(2 * EACH, share - done)
      const one = { activity, rows, seed: seed + done + 1000 * at, cuts, first: done }
      work.push(folder => series(one, { ...tools, folder }))
    }
    for (const weakness of [confirmFirst, noSync]) {
      work.push(folder => control({ activity, rows: controls, seed: seed + 1000 * at, weakness }, { ...tools, folder }))
    }
  }
  const print = (): boolean => process.stdout.write(resultTable(results.filter(result => result.runs > 0)))
  process.on('exit', print)
  const queue = work.entries()
  const worker = async (): Promise<void> => {
    for (const [at, one] of queue) {
      await one(join(tools.folder, String(at)))
      const judged = results.reduce((sum, result) => sum + (result.control ? 0 : result.runs), 0)
      tools.say(`${judged} of ${total} cuts, ${Math.round((performance.now() - began) / 1000)} s`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  process.off('exit', print)
  process.stdout.write(resultTable(results))
  const failed = results.filter(({ failed, control, said }) => failed || (!control && said > 0))
  for (const { fault, failure } of failed) tools.say(`FAILED: ${fault.name}: ${failure}`)
  return failed.length === 0 ? 0 : 1
}

interface Series {
  activity: Activity
  rows: Rows
  seed: number
  cuts: number
  /** Cuts of the same activity before. */
  first: number
}

/** One run and its cuts; then one that begins on what a power cut of it left, and its cuts. */
async function series({ activity, rows, seed, cuts, first }: Series, tools: Tools): Promise<void> {
  const prng = new Prng(seed)
  let number = first
  const several = async (run: Recorded, count: number): Promise<void> => {
    for (const end = number + count; number < end; number++) {
      const kind = KINDS[number % KINDS.length] as Kind
      await one(run, { kind, result: rows[kind], prng, whole: number % WHOLE === 0 }, tools)
    }
  }
  try {
    const run = await recordRun(activity, { ...tools, seed })
    await several(run, Math.ceil(cuts / 2))
    if (cuts > 1) await several(await recordAgain(run, prng, { ...tools, seed }), Math.floor(cuts / 2))
  } catch (err) {
    const kind = KINDS[number % KINDS.length] as Kind
    rows[kind].errors.push(`seed ${seed}: ${(err as Error).message}`)
    tools.say(`${activity.name}: seed ${seed}: ${(err as Error).stack}`)
  }
}

interface Cut {
  kind: Kind
  result: Result<Row>
  prng: Prng
  whole: boolean
}

async function one(run: Recorded, { kind, result, prng, whole }: Cut, tools: Tools): Promise<void> {
  const position = prng.pick(run.recording.positions)
  const place = join(tools.folder, 'cut')
  const { judgement, ledger, outages, notes } = await judgeCut(
    run,
    { kind, position, place, prng },
    whole ? tools : undefined
  )
  result.add({ ledger, outages }, judgement, 1)
  if (result.control || !(judgement.harm || judgement.said.size > 0)) return
  const { lost, said, wrong } = judgement
  tools.say(`${result.fault.name}, at ${position}: ${lost.size} lost, ${said.size} said, ${wrong.size} wrong`)
  for (const note of notes) tools.say(`  ${note}`)
}

/** Goes on until each row whose defence is gone shows something. */
async function control(
  { activity, rows, seed, weakness }: Pick<Series, 'activity' | 'rows' | 'seed'> & { weakness: Weakness },
  tools: Tools
): Promise<void> {
  const prng = new Prng(seed)
  try {
    const run = await recordRun(activity, { ...tools, seed, weakness })
    for (const kind of KINDS.filter(each => defence(each) === weakness)) {
      const result = rows[kind]
      for (let cuts = 0; cuts < CONTROLS && !result.harm; cuts++) {
        await one(run, { kind, result, prng, whole: false }, tools)
      }
    }
  } catch (err) {
    tools.say(`control of ${activity.name}: ${(err as Error).stack}`)
  }
}
