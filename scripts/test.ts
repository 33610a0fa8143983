import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

// Runs every built test file, or those whose path contains one of the arguments; with `--specs FOLDER` those of a suite that needs
// more than Node, one after another. Files are listed here because `node --test` takes no patterns before Node 21.
const built = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals: filters } = parseArgs({ options: { specs: { type: 'string' } }, allowPositionals: true })
const folder = join(built, 'test', values.specs ?? '')
const ending = values.specs === undefined ? '.test.js' : '.spec.js'
const matches = (file: string, filter: string): boolean => relative(built, file).includes(filter)
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith(ending))
  .map(name => join(folder, name))
  .filter(file => filters.length === 0 || filters.some(filter => matches(file, filter)))
  .sort()

const unmatched = filters.filter(filter => !files.some(file => matches(file, filter)))
if (unmatched.length > 0) {
  process.stderr.write(`no test file's path contains ${unmatched.map(filter => `"${filter}"`).join(' or ')}\n`)
  process.exit(1)
}

// many tests wait for other processes most of the time
const atOnce = values.specs === undefined ? Math.max(2, availableParallelism() - 1) : 1
const concurrency = `--test-concurrency=${atOnce}`
const options = ['--test', '--test-reporter=spec', concurrency]
const child = spawn(process.execPath, [...options, ...files], {
  stdio: 'inherit'
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.on('error', err => {
  process.stderr.write(`${err.message}\n`)
  process.exitCode = 1
})
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 128)
})
