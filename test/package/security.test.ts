import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { openDatabase } from '../../src/archive/database/database.js'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { repositoryRoot } from '../helpers/repository.js'
import { tempDir } from '../node/temp-dir.js'

const text = readFileSync(join(repositoryRoot, 'SECURITY.md'), 'utf8')
const found = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, match = '']) => match)

test('every command that SECURITY.md names exists, and every filter of tests finds some', () => {
  const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { scripts: object }
  const named = found(/npm run ([\w:-]+)/g)
  assert.ok(named.includes('fuzz'))
  for (const name of named) assert.ok(name in scripts, `npm run ${name}`)

  const files = readdirSync(join(repositoryRoot, 'test'), { recursive: true, encoding: 'utf8' })
  const tests = files.filter(file => file.endsWith('.test.ts')).map(file => join('test', file))
  const filters = found(/npm test -- ([\w/-]+)/g)
  assert.ok(filters.length > 10)
  for (const filter of filters)
    assert.ok(
      tests.some(file => file.includes(filter)),
      `npm test -- ${filter}`
    )
})

test('every document that SECURITY.md links to exists', () => {
  const links = found(/\]\(([\w./-]+)(?:#[\w-]+)?\)/g)
  assert.ok(links.length > 0)
  for (const link of links) assert.ok(existsSync(join(repositoryRoot, link)), link)
})

test('every file of a data dir is in the table of what is kept', async t => {
  const { open, path, ...places } = await openDataDir(join(tempDir(t), 'data'))
  const database = await openDatabase(places.database)
  const names = new Set([...Object.values(places).map(place => basename(place)), ...readdirSync(path)])
  await database.close()
  await ClassicLevel.repair(places.database)
  for (const name of readdirSync(places.database))
    if (!/^(CURRENT|LOCK|LOG(\.old)?|MANIFEST-\d+|\d+\.(ldb|log))$/.test(name)) names.add(`database/${name}`)
  const rows = text.split('\n').filter(line => line.startsWith('| `'))
  for (const name of [
    'database.marks',
    'database.refused',
    'database.open',
    'database.reserve',
    'database/lost',
    ...names
  ])
    assert.ok(
      rows.some(row => row.includes(`\`${name}\``)),
      name
    )
})
