import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { SHELLS } from '../../src/cli/completion.js'
import { tempDir } from '../node/temp-dir.js'
import { runHere } from './in-process.js'

/** What bash offers behind these words. */
function offered(script: string, words: string[]): string[] {
  const ask =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash reads it
    'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _waku_mailserver; printf "%s\\n" "${COMPREPLY[@]}"'
  const text = execFileSync('bash', ['-c', ask, script, ...words], { encoding: 'utf8' })
  return text.split('\n').filter(Boolean)
}

test('bash completes commands, the second word of a command, its options and their values', async t => {
  const { code, stdout } = await runHere(['completion', 'bash'])
  assert.equal(code, 0)
  const script = join(tempDir(t), 'script')
  writeFileSync(script, stdout)
  const complete = (...words: string[]) => offered(script, ['mail', ...words])
  assert.deepEqual(complete('pru'), ['prune'])
  assert.deepEqual(complete('trust', ''), ['add', 'remove', 'list'])
  assert.deepEqual(complete('trust', 'add', '--lab'), ['--label'])
  assert.deepEqual(complete('start', '--require-signature', ''), ['any', 'peer'])
  assert.deepEqual(complete('start', '--password-file', script), [script])
  assert.deepEqual(complete('import', script.slice(0, -1)), [script])
  assert.deepEqual(complete('completion', '--h'), ['--help'])
  assert.ok(complete('start', '--').length > 30)
})

test('what zsh and fish are given, they can read', async t => {
  for (const shell of SHELLS) {
    const { stdout } = await runHere(['completion', shell])
    const script = join(tempDir(t), 'script')
    writeFileSync(script, stdout)
    assert.match(stdout, /retention-topics/)
    const { status, error, stderr } = spawnSync(shell, ['-n', script], { encoding: 'utf8' })
    if (error === undefined) assert.equal(status, 0, stderr)
    else assert.match(error.message, /ENOENT/) // not on this machine
  }
  const { code, stderr } = await runHere(['completion', 'csh'])
  assert.equal(code, 2)
  assert.match(stderr, /no script for "csh": one of bash, zsh, fish/)
})
