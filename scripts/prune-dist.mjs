// Deletes from dist/ what the compiler wrote for sources that are gone, so that no test of a deleted file runs again.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  const source = /^(.*)\.(?:js|d\.ts)(?:\.map)?$/.exec(name)?.[1]
  const kept = source === undefined || source.startsWith('src/admin/static/')
  if (!kept && !['ts', 'tsx'].some(end => existsSync(join(root, `${source}.${end}`))))
    rmSync(join(dist, name), { force: true })
}
