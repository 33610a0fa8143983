import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

/** One target, for a time or a number of inputs, whichever ends first. */
export interface Run {
  target: string
  /** The built module with the target. */
  entry: string
  /** Folders with inputs to begin with. */
  corpus: string[]
  /** Where bundles, new inputs and findings go. */
  folder: string
  /** Where jsfuzz is installed. */
  tools: string
  seconds: number
  inputs: number
  /** The same inputs for the same seed; undefined: others each time, from what was found before. */
  seed: number | undefined
  /** A count that goes up, the size of the running input, and the input. */
  shared: SharedArrayBuffer
}

export interface Progress {
  done: number
  /** Inputs that the decoder took. */
  read: number
  /** Inputs kept because they reached something new, the first ones included. */
  kept: number
  reached: number
  counters: number
  /** Without the time that it took to load. */
  seconds: number
  fault?: string | undefined
}

export interface Outcome extends Progress {
  target: string
  /** The input that is a finding. */
  file?: string | undefined
}

/** Where in the shared memory the input is. */
export const INPUT_AT = 8
const MAX_INPUT = 64 * 1024
/** How long one input may run, or a target may load. */
const HANG_MS = 30_000
const MEMORY_MIB = 1024

/** Runs a target in a thread of its own: one that never ends, or eats all memory, is a finding too. */
export async function run(init: Omit<Run, 'shared'>): Promise<Outcome> {
  const shared = new SharedArrayBuffer(INPUT_AT + MAX_INPUT)
  const heartbeat = new Int32Array(shared, 0, INPUT_AT / 4)
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { ...init, shared } satisfies Run,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB }
  })
  let progress: Progress = { done: 0, read: 0, kept: 0, reached: 0, counters: 0, seconds: 0 }
  let fault: string | undefined
  worker.on('message', (message: Progress) => {
    progress = message
    fault ??= message.fault
  })
  worker.on('error', error => {
    fault ??= error.stack ?? error.message
  })
  let beats = -1
  const watch = setInterval(() => {
    const now = Atomics.load(heartbeat, 0)
    if (now === beats) {
      fault ??= `nothing moved for ${HANG_MS} ms`
      void worker.terminate()
    }
    beats = now
  }, HANG_MS)
  await new Promise<void>(resolve => worker.once('exit', () => resolve()))
  clearInterval(watch)
  const outcome: Outcome = { ...progress, target: init.target, fault }
  if (fault !== undefined) outcome.file = keep(init, new Uint8Array(shared, INPUT_AT, heartbeat[1]))
  return outcome
}

function keep({ folder, target }: Pick<Run, 'folder' | 'target'>, input: Uint8Array): string {
  const file = join(folder, `${target}-${createHash('sha256').update(input).digest('hex').slice(0, 16)}`)
  writeFileSync(file, input)
  return file
}
