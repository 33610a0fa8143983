import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { commands } from '../../src/cli/commands.js'
import { runProgram } from '../../src/cli/program.js'

/** Runs the program without a process around it: for what does not listen, and takes its paths as they are. */
export async function runHere(
  args: string[],
  env: Record<string, string> = {},
  input?: Uint8Array
): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const read = Promise.all([text(stdout), text(stderr)])
  const { signal } = new AbortController()
  const code = await runProgram(commands, args, {
    env,
    stdin: Readable.from(input === undefined ? [] : [Buffer.from(input)]),
    stdout,
    stderr,
    signal
  })
  stdout.end()
  stderr.end()
  const [out, err] = await read
  return { code, stdout: out, stderr: err }
}
