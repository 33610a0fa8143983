import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Outcome, run } from './run.js'

// Feeds decoders with inputs that lead further and further into them; see SECURITY.md. Half a minute for each target, or as said:
//   npm run fuzz -- [--seconds n | --inputs n] [--jobs n] [target…]

const root = join(import.meta.dirname, '..', '..', '..')
const built = join(root, 'dist', 'test', 'fuzz')
const corpora = join(root, 'test', 'fuzz', 'corpus')
const folder = join(root, 'build', 'fuzz')
const tools = join(root, 'scripts', 'fuzz')
const PLANTED_SECONDS = 30

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string' }, inputs: { type: 'string' }, jobs: { type: 'string' } },
  allowPositionals: true
})
const number = (text: string | undefined, fallback: number): number => {
  const value = text === undefined ? fallback : Number(text)
  if (value > 0) return value
  throw new Error(`a number above 0 was expected, got ${text}`)
}
const inputs = number(values.inputs, Number.POSITIVE_INFINITY)
const seconds = number(values.seconds, values.inputs === undefined ? 30 : Number.POSITIVE_INFINITY)
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
  ...{ seconds: PLANTED_SECONDS, inputs: Number.POSITIVE_INFINITY }
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
    const outcome = await run({ target, ...at(target), folder, tools, seconds, inputs })
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

for (const { target, fault, file } of outcomes) {
  if (fault !== undefined) say(`\n${target}: ${file}\n${fault}`)
}
process.exitCode = proven && outcomes.every(({ fault }) => fault === undefined) ? 0 : 1
