import { type Command, defineCommand, UsageError } from '../command.js'
import { completionScript, SHELLS } from '../completion.js'
import { writeLine } from '../output.js'

/** @param commands - all that there are, this one included once they are put together */
export function completionOf(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: 'completion',
    about: 'print what makes bash, zsh or fish complete commands and options',
    operands: ['<bash|zsh|fish>'],
    details:
      'In ~/.bashrc: source <(waku-mailserver completion bash). It knows the program as waku-mailserver and as mail.',
    shape: {},
    async run(_config, [wanted], { stdout, signal }) {
      const shell = SHELLS.find(shell => shell === wanted)
      if (shell === undefined)
        throw new UsageError(`completion: no script for "${wanted}": one of ${SHELLS.join(', ')}`)
      await writeLine(stdout, completionScript(shell, commands()).trimEnd(), { signal })
      return 0
    }
  })
}
