import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { build } from 'esbuild'
import { Prng } from '../../test/archive/prng.js'
import type { FuzzTarget } from '../../test/fuzz/oracle.js'
import { Coverage, type FileCounters } from './coverage.js'
import { INPUT_AT, type Progress, type Run } from './run.js'

/** What is used of jsfuzz: it keeps the inputs worth changing, and changes them. Its generator for texts eats all memory. */
interface JsFuzz {
  Corpus: new (
    folders: string[],
    ascii: boolean
  ) => { seedLength: number; getLength(): number; generateInput(): Buffer; putBuffer(input: Buffer): void }
}
interface Instrumenter {
  createInstrumenter(options: object): { instrumentSync(code: string, path: string): string }
}

const VARIABLE = '__reached__'
/** An input that takes longer is a finding. */
const SLOW_MS = 5000

const { target, entry, corpus: seeds, folder, tools, seconds, inputs, seed: start, shared } = workerData as Run
const found = join(folder, 'found', target)
if (start !== undefined) beTheSame(new Prng(start))
mkdirSync(found, { recursive: true })
const require = createRequire(join(tools, 'package.json'))
const { Corpus } = require('jsfuzz/build/src/corpus') as JsFuzz
const { createInstrumenter } = require('istanbul-lib-instrument') as Instrumenter

/** All that is drawn by lot in this thread comes from one seed, and nothing is left of earlier runs. */
function beTheSame(prng: Prng): void {
  Math.random = () => prng.uint32() / 2 ** 32
  crypto.getRandomValues = array => {
    const bytes = array as unknown as Uint8Array
    new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength).set(prng.bytes(bytes.byteLength))
    return array
  }
  rmSync(found, { recursive: true, force: true })
}

/** The target with all of our code that it uses, in one file with counters; packages stay as they are. */
async function load(): Promise<{ fuzz: FuzzTarget; coverage: Coverage }> {
  const bundled = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    logLevel: 'silent'
  })
  const file = join(folder, `${target}.mjs`)
  const instrumenter = createInstrumenter({ esModules: true, coverageVariable: VARIABLE })
  writeFileSync(file, instrumenter.instrumentSync(bundled.outputFiles[0]?.text ?? '', file))
  const { fuzz } = (await import(pathToFileURL(file).href)) as { fuzz: FuzzTarget }
  const counting = (globalThis as Record<string, unknown>)[VARIABLE] as Record<string, FileCounters>
  return { fuzz, coverage: new Coverage(counting[file] as FileCounters) }
}

const { fuzz, coverage } = await load()
const corpus = new Corpus([found, ...seeds], false)
/** Ahead of its length the input that runs now, for whoever finds that it never ends. */
const heartbeat = new Int32Array(shared, 0, INPUT_AT / 4)
const running = new Uint8Array(shared, INPUT_AT)
let done = 0
let read = 0

const progress = (rest: Partial<Progress> = {}): void => {
  const { reached, size } = coverage
  const ran = (last - begin) / 1000
  const kept = corpus.getLength()
  parentPort?.postMessage({ done, read, kept, reached, counters: size, seconds: ran, ...rest } satisfies Progress)
}

/** What it throws; then it runs once more, to tell where: traces that nobody reads cost more than most decoders. */
function tryOut(input: Buffer): unknown {
  Error.stackTraceLimit = 0
  try {
    // a plain array of its own: what a decoder does to its input must not reach the corpus
    if (fuzz(new Uint8Array(input))) read++
    return undefined
  } catch (error) {
    Error.stackTraceLimit = 20
    try {
      fuzz(new Uint8Array(input))
    } catch (again) {
      return again
    }
    return error
  }
}

const begin = performance.now()
const end = begin + seconds * 1000
let last = begin
for (; done < inputs && last < end; done++) {
  const seed = corpus.seedLength > 0
  const input = corpus.generateInput()
  const size = Math.min(input.length, running.length)
  running.set(input.subarray(0, size))
  heartbeat[1] = size
  Atomics.store(heartbeat, 0, done + 1)
  coverage.reset()
  let fault = tryOut(input)
  let now = performance.now()
  if (fault === undefined && now - last > SLOW_MS) {
    // once more: the machine may have been busy with something else
    fault = tryOut(input)
    const took = performance.now() - now
    if (fault === undefined && took > SLOW_MS) fault = new Error(`it took ${Math.round(took)} ms`)
    now = performance.now()
  }
  last = now
  if (fault !== undefined) {
    done++
    progress({ fault: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault) })
    break
  }
  if (!coverage.isNew()) continue
  if (!seed) corpus.putBuffer(input)
}
progress()
parentPort?.close()
