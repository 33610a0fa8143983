import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repositoryRoot } from '../../test/helpers/repository.js'

/** The preloaded library cannot be built here; the message says what is missing. */
export class NoFaultyDiskError extends Error {
  static override readonly name = 'NoFaultyDiskError'
  override readonly name = 'NoFaultyDiskError'
}

const SOURCE = join(repositoryRoot, 'scripts/torture/faulty-disk.c')

/**
 * Compiles the library that stands between the node and the disk.
 *
 * @returns its path
 * @throws NoFaultyDiskError
 */
export function buildFaultyDisk(folder: string): string {
  if (process.platform !== 'linux') throw new NoFaultyDiskError('LD_PRELOAD is needed: this is not Linux')
  const library = join(folder, 'faulty-disk.so')
  const options = ['-O2', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl', '-lpthread']
  for (const compiler of ['cc', 'gcc', 'clang']) {
    const { status, error, stderr } = spawnSync(compiler, options, { encoding: 'utf8' })
    if (error !== undefined) continue
    if (status !== 0) throw new Error(`${compiler} cannot compile ${SOURCE}: ${stderr}`)
    return library
  }
  throw new NoFaultyDiskError('a C compiler is needed (cc, gcc or clang), and none was found')
}
