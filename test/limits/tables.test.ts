import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filesOf, rowsOf, sourceOf } from './source-table.js'
import { tablesIn } from './table-finder.js'

/** Rooms that a peer reaches before it has shown a password or trust; of `node/` what stands before them, and what all of them are made of. */
const ROOMS = [
  'limits',
  'waku',
  'libp2p',
  'devp2p',
  'mailserver',
  'bridge',
  'admin',
  'node/peer',
  'node/devp2p',
  'base',
  'wire'
]

const sources = new Map(filesOf(ROOMS).map(file => [file, sourceOf(file)]))
const inSource = tablesIn(sources)
const rows = rowsOf('limits/tables.md')

test('each table that peers can fill says its key, its size, its share, and what happens when it is full', () => {
  const names = rows.map(([name]) => name as string)
  assert.deepEqual(
    inSource.filter(name => !names.includes(name)),
    [],
    'in no list'
  )
  assert.deepEqual(
    names.filter((name, i) => !inSource.includes(name) || names.indexOf(name) !== i),
    [],
    'of nothing that is there'
  )
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
    '    return [1].map(x => inside.get(x))',
    '}'
  ].join('\n')
  const names = ['#byPeer', '#counts', '#later', '#made', '#seen']
  assert.deepEqual(
    tablesIn(new Map([['a.ts', source]])).sort(),
    names.map(name => `a.ts \`${name}\``)
  )
})

/** What somebody writes who has never heard of the list. */
const UNAWARE: Record<string, string> = {
  'on a line of its own': 'class A {\n  readonly #table: Map<string, number> =\n    new Map()\n}',
  'in a literal': 'class A {\n  #table = { requests: new Map<string, number>(), max: 3 }\n}',
  'several of them': 'class A {\n  #table = Array.from({ length: 4 }, () => new Set<string>())\n}',
  'a class that is one': 'class Peers extends Map<string, number> {}\nclass A {\n  #table = new Peers()\n}',
  'made elsewhere': 'const empty = () => new Map<string, number>()\nclass A {\n  #table = empty()\n}',
  'made by a function that is declared': 'function empty() {\n  return new Set<string>()\n}\nconst table = empty()',
  'handed in, or else': 'class A {\n  constructor(private readonly table = new Map<string, number>()) {}\n}',
  'of a module, when it is needed':
    'let table: Set<string> | undefined\nfunction note(peer: string) {\n  table ??= new Set()\n}',
  'of what a method leaves behind':
    'class A {\n  watch(on: (f: (peer: string) => void) => void) {\n    const table = new Set<string>()\n    on(peer => table.add(peer))\n  }\n}',
  'an object with an index': 'class A {\n  #table: { [peer: string]: number } = {}\n}',
  'an object without a prototype': 'class A {\n  readonly table = Object.create(null)\n}',
  'or nothing': 'class A {\n  #table = process.env.X === undefined ? new Map<string, number>() : undefined\n}'
}

for (const [how, source] of Object.entries(UNAWARE))
  test(`a table is found however it is written: ${how}`, () => {
    assert.match(tablesIn(new Map([['a.ts', source]])).join(), /`#?table`/)
  })
