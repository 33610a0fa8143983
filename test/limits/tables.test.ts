import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filesOf, rowsOf, sourceOf } from './source-table.js'

/** Rooms that a peer reaches before it has shown a password or trust; of `node/` what stands before them. */
const ROOMS = ['limits', 'waku', 'libp2p', 'devp2p', 'mailserver', 'bridge', 'admin']
const FILES = ['node/peer/peers-in-memory.ts', 'node/peer/socket-gate.ts']

const MADE = '(?:Map|Set|WeakMap|WeakSet|RecentHashes|RecentIds)\\b'
const FIELD = '^(?: {2})?(?:(?:private|readonly|static|const|let|export) )*(#?\\w+)'

/** A field of a class, or something that lives as long as its module or a function that made closures of it: */
const TABLES = [
  `${FIELD}(?:\\??: [^=\\n]+)? = new ${MADE}`,
  // what a constructor or a method makes
  `${FIELD}\\??: ${MADE}<[^=\\n]*$`,
  `^ +this\\.(#?\\w+) (?:\\?\\?)?= new ${MADE}`,
  // an object in the place of a map
  `${FIELD}: Record<[^=\\n]*> = \\{\\}`
].map(shape => new RegExp(shape, 'gm'))

function tablesOf(file: string, source: string): string[] {
  return TABLES.flatMap(table => [...source.matchAll(table)].map(([, field]) => `${file} \`${field}\``))
}

const inSource = [...filesOf(ROOMS), ...FILES].flatMap(file => tablesOf(file, sourceOf(file)))
const rows = rowsOf('limits/tables.md')

test('each table that peers can fill says its key, its size, its share, and what happens when it is full', () => {
  assert.deepEqual(rows.map(([name]) => name).sort(), [...new Set(inSource)].sort())
  for (const row of rows)
    assert.ok((row.length === 5 || row.length === 2) && row.every(cell => cell !== ''), row.join())
})

test('a table that says nothing is found', () => {
  const source = [
    'class A {',
    '  readonly #byPeer = new Map<string, number>()',
    '  #seen: Set<string> = new Set()',
    '  readonly #later: Map<string, number>',
    '  #made',
    '  readonly #counts: Record<string, number> = {}',
    '  constructor() {',
    '    this.#made = new Set()',
    '    this.#later ??= new Map()',
    '  }',
    '}',
    'function f() {',
    '    const inside = new Map()',
    '}'
  ].join('\n')
  const names = ['#byPeer', '#counts', '#later', '#made', '#seen']
  assert.deepEqual(
    [...new Set(tablesOf('a.ts', source))].sort(),
    names.map(name => `a.ts \`${name}\``)
  )
})
