import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/**
 * Sessions recorded from deployed programs are too large for this repository: `VECTORS_DIR` says where they are.
 * Without it a test that needs one says so and has nothing to assert.
 */
export function recorded<T>(context: TestContext, name: string): T | undefined {
  const folder = process.env.VECTORS_DIR
  if (folder === undefined || !existsSync(join(folder, name))) {
    context.diagnostic(`VECTORS_DIR is not set or has no ${name}: nothing compared`)
    return undefined
  }
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as T
}
