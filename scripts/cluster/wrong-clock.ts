import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { repositoryRoot } from '../../test/helpers/repository.js'

/**
 * The environment of a process whose clock is wrong. Linux, and a C compiler.
 * @param seconds - by which it is ahead, or behind
 * @param folder - where the preloaded library goes
 */
export function wrongClock(seconds: number, folder: string): Record<string, string> {
  const library = join(folder, 'wrong-clock.so')
  const source = join(repositoryRoot, 'scripts/cluster/wrong-clock.c')
  execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl'])
  return { LD_PRELOAD: library, WRONG_CLOCK: String(seconds) }
}
