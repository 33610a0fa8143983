import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCursor, writeCursor } from '../../src/mailclient/history-cursor.js'
import { aPeer } from '../mailserver/fixture.js'

test('a cursor is text that says whose it is [MAIL-16]', async () => {
  const [server, other] = [await aPeer(), await aPeer()]
  const bytes = crypto.getRandomValues(new Uint8Array(36))
  const text = writeCursor(server, bytes)
  assert.deepEqual(readCursor(server, text), bytes)
  assert.deepEqual(readCursor(server, text.toString()), bytes)
  const digits = text.split('/')[1] as string
  const bad = [
    writeCursor(other, bytes),
    digits,
    '',
    `${server}/`,
    `${server}/${digits}00`,
    `${text}/x`,
    `${server}/${'zz'.repeat(36)}`
  ]
  for (const cursor of bad) assert.throws(() => readCursor(server, cursor), { name: 'HistoryCursorError' }, cursor)
})
