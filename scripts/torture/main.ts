import '../../src/base/polyfill.js'
import { cutsSuite } from './cuts/suite.js'
import { diskSuite } from './disk-suite.js'
import { hostileSuite } from './hostile/suite.js'
import { type Options, parseOptions, USAGE } from './options.js'

// `npm run torture`: what is promised, tried on the node as it was built.

/** Each resolves with an exit code. */
const suites: Record<string, (options: Options) => Promise<number>> = {
  cuts: cutsSuite,
  disk: diskSuite,
  hostile: hostileSuite
}

// what is undone at the exit is undone then too
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const [first = '', ...rest] = process.argv.slice(2)
const named = first in suites
try {
  const options = parseOptions(named ? rest : process.argv.slice(2))
  process.exitCode = await (named ? suites[first] : diskSuite)?.(options)
} catch (err) {
  process.stderr.write(`torture: ${err instanceof Error ? (err.stack ?? err.message) : err}\n${USAGE}\n`)
  process.exitCode = 1
}
