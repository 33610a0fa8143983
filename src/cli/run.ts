import '../base/polyfill.js'
import { InterruptedError } from './command.js'
import { commands } from './commands.js'
import { onHangup, reloads } from './hangups.js'
import { heldOpen } from './held-open.js'
import { LogStream } from './log-stream.js'
import { runProgram } from './program.js'

/** A command that is done must not be held up by a connection that closes slowly. */
const LINGER_MS = 5_000
const LOOK_MS = 20
/** Timers, and what standard input and output are. */
const IDLE = ['Timeout', 'PipeWrap', 'TTYWrap']
/** Everything that is waited for when stopping has a deadline below this. */
const STOP_MS = 30_000

// what the archive writes is as private as the identity beside it, whichever thread of LevelDB makes the file
process.umask(0o077)
const log = new LogStream(process.stderr)
const controller = new AbortController()
let signals = 0
const stop = (): void => {
  signals++
  if (signals > 1) process.exit(1) // the second one does not wait
  controller.abort(new InterruptedError())
  setTimeout(() => {
    log.log('error', `not stopped after ${STOP_MS / 1000} s, giving up`)
    process.exit(1)
  }, STOP_MS).unref()
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)
if (!reloads) process.on('SIGHUP', stop)
// a task that nobody waits for failed: it is reported, and a peer that brought it about does not end the node
process.on('unhandledRejection', err => {
  log.log('error', `internal error: ${err instanceof Error ? (err.stack ?? err.message) : err}`)
})
process.stdout.on('error', () => {}) // writing a line reports it
log.on('error', () => {}) // nobody is left to tell

process.exitCode = await heldOpen(
  runProgram(commands, process.argv.slice(2), {
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: log,
    signal: controller.signal,
    onHangup: reloads ? onHangup : undefined
  })
)
setTimeout(() => process.exit(), LINGER_MS).unref()
// what is done by now is done: a timer that is all that is left, such as libp2p's of a second at each stop, is for nobody
setInterval(() => {
  const unwritten = process.stdout.writableLength + process.stderr.writableLength
  if (unwritten === 0 && process.getActiveResourcesInfo().every(kind => IDLE.includes(kind))) process.exit()
}, LOOK_MS).unref()
