import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from '../helpers/scope.js'

/** A folder of its own for one test, gone when it ends. */
export function tempDir(t: Scope): string {
  const path = mkdtempSync(join(tmpdir(), 'waku-test-'))
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}
