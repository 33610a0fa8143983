import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

// Runs every built test file, or those whose path contains one of the arguments. Files are listed here because `node --test` takes
// no patterns before Node 21.
const built = fileURLToPath(new URL('..', import.meta.url))
const filters = process.argv.slice(2)
const files = readdirSync(join(built, 'test'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.test.js'))
  .map(name => join(built, 'test', name))
  .filter(file => filters.length === 0 || filters.some(filter => relative(built, file).includes(filter)))
  .sort()

if (files.length === 0) {
  process.stderr.write(`no test file's path contains ${filters.map(f => `"${f}"`).join(' or ')}\n`)
  process.exit(1)
}

// many tests wait for other processes most of the time
const concurrency = `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`
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
