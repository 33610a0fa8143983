import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useQuickKeccak } from '../../src/node/quick-keccak.js'
import { Client } from './client.js'
import type { Fault } from './fault.js'
import { faults } from './faults/all.js'
import { buildFaultyDisk, NoFaultyDiskError } from './faulty-disk.js'
import { Judgement } from './judgement.js'
import type { Options } from './options.js'
import { Result, resultTable } from './result.js'
import { Trial } from './trial.js'

interface Tools {
  folder: string
  library: string
  client: Client
}

/** Runs on one data dir. */
interface Part {
  result: Result
  seed: number
  rounds: number
}

/** Runs of a control at most. */
const CONTROLS = 4

const say = (line: string): boolean => process.stderr.write(`${line}\n`)

/** `power-cut` on the command line is "power cut". */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, ' ')

/** Faults of the disk and of the clock, on the node as it was built. Resolves with the exit code. */
export async function diskSuite(options: Options): Promise<number> {
  const wanted = faults.filter(({ name }) => plain(name).includes(plain(options.fault)))
  if (wanted.length === 0) {
    say(`torture: no such fault; there are: ${faults.map(({ name }) => name).join(', ')}`)
    return 2
  }
  const folder = mkdtempSync(join(tmpdir(), 'waku-torture-'))
  try {
    const library = buildFaultyDisk(folder)
    await useQuickKeccak()
    const client = await Client.start()
    try {
      return await runAll(wanted, options, { folder, library, client })
    } finally {
      await client.stop()
    }
  } catch (err) {
    if ((err as Error).name !== NoFaultyDiskError.name) throw err
    say(`torture: skipped: ${(err as Error).message}`)
    return process.env.CI === undefined ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function runAll(wanted: readonly Fault[], options: Options, tools: Tools): Promise<number> {
  say(`torture: seed ${options.seed}`)
  const results = wanted
    .filter(fault => runsOf(fault, options) > 0)
    .flatMap(fault => [new Result(fault, false), new Result(fault, true)])
  const parts = results.flatMap(result => partsOf(result, options))
  let next = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < parts.length; at = next++) {
      await runPart(parts[at] as Part, { ...tools, folder: join(tools.folder, String(at)) }, options)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: options.jobs }, worker))
  say(`torture: ${Math.round((performance.now() - began) / 1000)} s`)
  process.stdout.write(resultTable(results))
  const failed = results.filter(result => result.failed)
  for (const { fault, control } of failed) {
    say(`torture: ${fault.name}: ${control ? 'the control run shows no loss' : 'lost, or delivered wrongly'}`)
  }
  return failed.length === 0 ? 0 : 1
}

/** A fault that is named is run, also when it is too much for the small torture. */
function runsOf({ runs, rounds }: Fault, options: Options): number {
  if (options.runs !== undefined) return options.runs
  if (options.full) return runs.full
  return runs.small === 0 && options.fault !== '' ? rounds : runs.small
}

/** A control needs a few runs only; one of them has to show something. */
function partsOf(result: Result, options: Options): Part[] {
  const { seed } = options
  const { fault, control } = result
  const total = control ? Math.max(fault.rounds, CONTROLS) : runsOf(fault, options)
  const parts: Part[] = []
  for (let done = 0; done < total; done += fault.rounds) {
    parts.push({ result, seed: seed + done, rounds: Math.min(fault.rounds, total - done) })
  }
  return parts
}

async function runPart(
  { result, seed, rounds }: Part,
  { folder, library, client }: Tools,
  options: Options
): Promise<void> {
  const { fault, control } = result
  if (control && result.harm) return
  mkdirSync(folder)
  const trial = new Trial({ folder, library, client, seed, weakness: control ? fault.weakness : undefined })
  const judgement = new Judgement()
  let round = 0
  try {
    await trial.start()
    for (let goOn = true; goOn && round < rounds; round++) {
      await fault.run(trial, judgement)
      const serving = await judgement.judge(trial, fault.resume)
      // a control has shown enough with the first harm
      goOn = serving && !(control && judgement.harm)
    }
    result.add(trial, judgement, round)
    if (control || !(judgement.harm || judgement.said.size > 0)) return
    const { lost, said, wrong } = judgement
    const repeat = `npm run torture -- --fault "${fault.name}" --runs ${rounds} --seed ${seed}`
    say(`torture: ${fault.name}: ${lost.size} lost, ${said.size} said, ${wrong.size} wrong; again with ${repeat}`)
    for (const note of trial.notes) say(`  ${note}`)
    if (options.keep !== undefined) trial.keep(join(options.keep, `${fault.name.replaceAll(' ', '-')}-${seed}`))
  } catch (err) {
    throw new Error(
      `${fault.name}${control ? ' (control)' : ''}, seed ${seed}, run ${round}: ${(err as Error).message}`,
      {
        cause: err
      }
    )
  } finally {
    await trial.end()
  }
}
