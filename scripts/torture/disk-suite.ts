import { join } from 'node:path'
import type { Fault } from './fault.js'
import { activities } from './faults/activities.js'
import { faults } from './faults/all.js'
import { onFaultyDisk } from './faulty-suite.js'
import type { Options } from './options.js'
import { type Part, runPart, type Tools } from './part.js'
import { Result, resultTable } from './result.js'

/** Of each kind of fault the small torture takes two activities, so many apart. */
const APART = 2

/**
 * Some of the faults, by the seed: of each kind two, and each activity for some of them. Faults stand in groups of a kind, each with
 * all activities.
 */
export function someOf<T>(all: readonly T[], seed: number): T[] {
  const { length } = activities
  return all.filter((_, at) => {
    const turn = (at + seed - Math.floor(at / length)) % length
    return turn === 0 || turn === APART
  })
}

/** `power-cut` on the command line is "power cut". */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, ' ')

/** Faults of the disk and of the clock, on the node as it was built. Resolves with the exit code. */
export async function diskSuite(options: Options): Promise<number> {
  const wanted = faults.filter(({ name }) => plain(name).includes(plain(options.fault)))
  if (wanted.length === 0) {
    process.stderr.write(`torture: no such fault; there are: ${faults.map(({ name }) => name).join(', ')}\n`)
    return 2
  }
  // who names a fault, or a number of runs, means all of that name
  const small = !options.full && options.fault === '' && options.runs === undefined
  const chosen = small ? someOf(wanted, options.seed) : wanted
  if (small) {
    process.stdout.write(
      `${chosen.length} of ${wanted.length} faults, each kind and each activity among them, chosen by seed ${options.seed}; all of them with --runs 1, or --full\n`
    )
  }
  return onFaultyDisk(options, tools => runAll(chosen, options, tools))
}

async function runAll(wanted: readonly Fault[], options: Options, tools: Tools): Promise<number> {
  const { say } = tools
  const results = wanted.flatMap(fault => [new Result(fault, false), new Result(fault, true)])
  const parts = results.flatMap(result => partsOf(result, options))
  say(`seed ${options.seed}, ${parts.length} data dirs and more, ${options.jobs} at a time`)
  const began = performance.now()
  const print = (): boolean => process.stdout.write(resultTable(results.filter(({ runs }) => runs > 0)))
  // a torture that is ended early says what it saw
  process.on('exit', print)
  // from the last: those wait more than they work
  const queue = parts.reverse().entries()
  const worker = async (): Promise<void> => {
    for (const [at, part] of queue) await runPart(part, { ...tools, folder: join(tools.folder, String(at)) })
  }
  await Promise.all(Array.from({ length: options.jobs }, worker))
  say(`${Math.round((performance.now() - began) / 1000)} s`)
  process.off('exit', print)
  process.stdout.write(resultTable(results))
  const failed = results.filter(result => result.failed)
  for (const { fault, failure } of failed) say(`FAILED: ${fault.name}: ${failure}`)
  return failed.length === 0 ? 0 : 1
}

/** Of a control one part, which goes on until it shows something. */
function partsOf(result: Result, { seed, runs, full }: Options): Part[] {
  const { rounds, runs: usual } = result.fault
  if (result.control) return [{ result, seed, rounds }]
  const total = runs ?? (full ? usual.full : usual.small)
  const parts: Part[] = []
  for (let done = 0; done < total; done += rounds) {
    parts.push({ result, seed: seed + done, rounds: Math.min(rounds, total - done) })
  }
  return parts
}
