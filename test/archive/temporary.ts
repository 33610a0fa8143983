import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ClassicLevel } from 'classic-level'
import type { Archive } from '../../src/archive/archive.js'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS } from '../../src/archive/database/database.js'
import type { LevelStore } from '../../src/archive/database/level-store.js'

/** A directory that is gone after the test. */
export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'waku-archive-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A LevelDB on disk as the archive uses it, closed and removed after the test. */
export async function temporaryLevel(t: TestContext): Promise<LevelStore> {
  const directory = await mkdtemp(join(tmpdir(), 'waku-archive-'))
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  await level.open()
  t.after(async () => {
    await level.close()
    await rm(directory, { recursive: true, force: true })
  })
  return new ClassicStore(level)
}

/** The archive, but closing it closes more than it. */
export function closedBy(archive: Archive, close: () => Promise<void>): Archive {
  return new Proxy(archive, {
    get(target, name) {
      if (name === 'close') return close
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}
