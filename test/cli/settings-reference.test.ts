import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { SETTINGS_FILE, settingsReference } from '../../scripts/settings.js'
import { runHere } from './in-process.js'

test('the reference of all settings is that of the schemas: npm run settings renews it', () => {
  assert.equal(readFileSync(SETTINGS_FILE, 'utf8'), settingsReference())
})

test('the help of start fits a screen, and the whole is one command away', async () => {
  const { stdout } = await runHere(['start', '--help'])
  const lines = stdout.trimEnd().split('\n')
  assert.ok(lines.length <= 24, `${lines.length} lines`)
  for (const line of lines) assert.ok(line.length <= 80, line)
  assert.match(stdout, /waku-mailserver help start/)
  const whole = await runHere(['help', 'start'])
  assert.match(whole.stdout, /--page-bytes/)
})
