import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from './client.js'
import { Judgement } from './judgement.js'
import { MissedError } from './missed.js'
import type { Result } from './result.js'
import { Trial } from './trial.js'

export interface Tools {
  folder: string
  library: string
  client: Client
  /** Where data dirs of failed runs are kept. */
  keep: string | undefined
  say(line: string): unknown
}

/** Runs on one data dir. */
export interface Part {
  result: Result
  seed: number
  rounds: number
}

/** Data dirs of a control at most: its loss may be by chance. */
const CONTROLS = 12
/** Further tries of a run whose fault did nothing, which is by chance too. */
const MISSES = 4
/** Between the seeds of tries: runs of a part count up. */
const STRIDE = 1_000_003
/** Of one data dir. */
const PART_MS = 300_000

/** Makes the runs, and adds what came of them to the result; whatever goes wrong is written there too. */
export async function runPart(part: Part, tools: Tools): Promise<void> {
  const { result } = part
  const began = performance.now()
  mkdirSync(tools.folder)
  const tries = result.control ? CONTROLS : 1
  for (let tried = 0; tried < tries && !(result.control && result.harm); tried++) {
    await untilStruck({ ...part, seed: part.seed + tried * MISSES * STRIDE }, tools)
  }
  const seconds = Math.round((performance.now() - began) / 1000)
  tools.say(`${seconds} s: ${result.control ? 'control of ' : ''}${result.fault.name}`)
}

async function untilStruck(part: Part, tools: Tools): Promise<void> {
  const { result } = part
  for (let missed = 0; ; missed++) {
    const seed = part.seed + missed * STRIDE
    const { fault, control } = result
    try {
      return await onOneDataDir({ ...part, seed }, { ...tools, folder: join(tools.folder, String(seed)) })
    } catch (err) {
      const { name, message } = err as Error
      if (name === MissedError.name && missed < MISSES) continue
      result.errors.push(`seed ${seed}: ${message}`)
      if (!control) tools.say(`${fault.name}: ${(err as Error).stack}; ${again(part, seed)}`)
      return
    }
  }
}

async function onOneDataDir({ result, seed, rounds }: Part, tools: Tools): Promise<void> {
  const { fault, control } = result
  const { folder, library, client, keep, say } = tools
  mkdirSync(folder)
  const trial = new Trial({ folder, library, client, seed, weakness: control ? fault.weakness : undefined })
  const judgement = new Judgement()
  let round = 0
  const deadline = new AbortController()
  const late = delay(PART_MS, undefined, { signal: deadline.signal }).then(() => {
    throw new Error(`not over in ${PART_MS / 1000} s, in run ${round}`)
  })
  const runs = async (): Promise<void> => {
    await trial.start()
    for (let goOn = true; goOn && round < rounds; round++) {
      await fault.run(trial, judgement)
      const serving = await judgement.judge(trial, fault.resume)
      // a control has shown enough with the first harm
      goOn = serving && !(control && judgement.harm)
    }
  }
  try {
    await Promise.race([runs(), late])
    result.add(trial, judgement, round)
    if (control || !(judgement.harm || judgement.said.size > 0)) return
    const { lost, said, wrong } = judgement
    say(`${fault.name}: ${lost.size} lost, ${said.size} said, ${wrong.size} wrong; ${again({ result, rounds }, seed)}`)
    for (const note of trial.notes) say(`  ${note}`)
    if (keep !== undefined) trial.keep(join(keep, `${fault.name.replaceAll(' ', '-')}-${seed}`))
  } finally {
    deadline.abort()
    late.catch(() => {})
    await trial.end()
  }
}

const again = ({ result, rounds }: Pick<Part, 'result' | 'rounds'>, seed: number): string =>
  `again with npm run torture -- --fault "${result.fault.name}" --runs ${rounds} --seed ${seed}`
