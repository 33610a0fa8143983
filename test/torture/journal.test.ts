import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readJournal } from '../../scripts/torture/journal.js'

const journal = (...lines: string[]): string => lines.map(line => `${line.replaceAll(' ', '\t')}\n`).join('')

test('of a file those bytes are on disk that it had when the last sync that succeeded began', () => {
  const { durable } = readJournal(journal('C 7 /d/a', 'S 7 100', 'S 7 250', 'O 8 40', 'C 9 /d/c'))
  assert.deepEqual(Object.fromEntries(durable), { 7: 250, 8: 40, 9: 0 })
})

test('after a sync that failed no later one covers anything', () => {
  const { durable } = readJournal(journal('C 7 /d/a', 'S 7 100', 'F 7', 'S 7 250'))
  assert.equal(durable.get('7'), 100)
})

test('a new name is on disk with its folder or its file, another one with its folder only', () => {
  const changes = journal('C 7 /d/a', 'C 8 /d/b', 'S 7 10', 'R 7 /d/a /d/c -', 'U 9 /d/old /graves/0', 'M /d/e')
  const kinds = (text: string): string[] => readJournal(text).pending.map(({ kind }) => kind)
  assert.deepEqual(kinds(changes), ['created', 'renamed', 'removed', 'folder'])
  assert.deepEqual(kinds(changes + journal('D /other')), ['created', 'renamed', 'removed', 'folder'])
  assert.deepEqual(kinds(changes + journal('D /d', 'C 10 /d/f')), ['created'])
})

test('a line that the program did not finish is left out', () => {
  assert.equal(readJournal(`${journal('C 7 /d/a')}S\t7\t10`).durable.get('7'), 0)
})
