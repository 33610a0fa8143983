import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Outcome, run } from './run.js'

// Feeds decoders with inputs that lead further and further into them; see SECURITY.md. So many inputs for each target, the same in
// every run, or as said:
//   npm run fuzz -- [--seconds n | --inputs n | --total n] [--seed n | --seed random] [--jobs n] [target…]
// `--inputs` is for each target; a total is shared out among them in the usual proportions.
// With a random seed a run goes on from what earlier ones found.

const root = join(import.meta.dirname, '..', '..', '..')
const built = join(root, 'dist', 'test', 'fuzz')
const corpora = join(root, 'test', 'fuzz', 'corpus')
const folder = join(root, 'build', 'fuzz')
const tools = join(root, 'scripts', 'fuzz')
const PLANTED_INPUTS = 1_000_000
const INPUTS = 60_000
/** What takes milliseconds each gets fewer, so that all of it ends in minutes. */
const FEWER: Record<string, number> = {
  config: 5000,
  export: 30_000,
  'handshake-packet': 3000,
  payload: 20_000,
  'rlpx-frame': 40_000,
  status: 20_000,
  values: 10_000
}

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string' },
    inputs: { type: 'string' },
    total: { type: 'string' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string' }
  },
  allowPositionals: true
})
const number = (text: string | undefined, fallback: number): number => {
  const value = text === undefined ? fallback : Number(text)
  if (value > 0) return value
  throw new Error(`a number above 0 was expected, got ${text}`)
}
const seconds = number(values.seconds, Number.POSITIVE_INFINITY)
const usualOf = (target: string): number => FEWER[target] ?? INPUTS
const inputsOf = (target: string): number => {
  const usual = wanted.reduce((sum, each) => sum + usualOf(each), 0)
  const share = Math.ceil((number(values.total, usual) * usualOf(target)) / usual)
  return number(values.inputs, values.seconds === undefined ? share : Number.POSITIVE_INFINITY)
}
const seed = values.seed === 'random' ? undefined : number(values.seed, 1)
const jobs = number(values.jobs, availableParallelism())

const all = readdirSync(join(root, 'test', 'fuzz', 'targets'))
  .map(name => name.replace(/\.ts$/, ''))
  .sort()
const unknown = positionals.find(name => !all.includes(name))
if (unknown !== undefined) throw new Error(`no target "${unknown}"; there are ${all.join(', ')}`)
const wanted = positionals.length === 0 ? all : positionals

// apart from the project's own packages: nobody but who fuzzes needs them
if (!existsSync(join(tools, 'node_modules', 'jsfuzz'))) {
  const install = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync('npm', install, { cwd: tools, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`npm ci in ${tools} failed`)
}
mkdirSync(folder, { recursive: true })

const say = (line: string): unknown => process.stdout.write(`${line}\n`)
const at = (target: string): { entry: string; corpus: string[] } => ({
  entry: join(built, 'targets', `${target}.js`),
  corpus: [join(corpora, target)]
})

rmSync(join(folder, 'found', 'planted'), { recursive: true, force: true })
const planted = await run({
  target: 'planted',
  ...{ entry: join(built, 'planted.js'), corpus: [], folder, tools },
  ...{ seconds: Number.POSITIVE_INFINITY, inputs: PLANTED_INPUTS, seed }
})
const proven = planted.fault?.includes('the planted fault') === true
say(
  proven
    ? `the planted fault was found after ${planted.done} inputs`
    : `THE PLANTED FAULT WAS NOT FOUND in ${planted.done} inputs: ${planted.fault ?? 'this fuzzer finds nothing'}`
)

const line = (cells: (string | number)[]): string =>
  cells.map((cell, i) => (i === 0 ? String(cell).padEnd(18) : String(cell).padStart(12))).join('')
say(line(['target', 'inputs', 'per second', 'read', 'kept', 'reached', 'findings']))
const outcomes: Outcome[] = []
const queue = [...wanted]
const one = async (): Promise<void> => {
  for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
    const inputs = inputsOf(target)
    const outcome = await run({ target, ...at(target), folder, tools, seconds, inputs, seed })
    outcomes.push(outcome)
    const { done, read, kept, reached, counters, fault } = outcome
    const share = `${Math.round((100 * reached) / Math.max(1, counters))} %`
    say(
      line([
        target,
        done,
        Math.round(done / Math.max(0.001, outcome.seconds)),
        read,
        kept,
        share,
        fault === undefined ? 0 : 1
      ])
    )
  }
}
await Promise.all(Array.from({ length: Math.min(jobs, wanted.length) }, one))
const total = outcomes.reduce((sum, { done }) => sum + done, 0)
say(line(['together', total]))

for (const { target, fault, file } of outcomes) {
  if (fault !== undefined) say(`\n${target}: ${file}\n${fault}`)
}
process.exitCode = proven && outcomes.every(({ fault }) => fault === undefined) ? 0 : 1
