import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { requirementTable } from '../../scripts/requirements.js'
import { repositoryRoot } from '../helpers/repository.js'

const { table, open, unknown } = requirementTable(repositoryRoot)

test('every requirement is named by a test or a document section', () => {
  assert.deepEqual(open, [])
  assert.deepEqual(unknown, [])
})

test('the table of requirements is up to date', () => {
  assert.equal(readFileSync(join(repositoryRoot, 'protocols/requirements.md'), 'utf8'), table, 'npm run requirements')
})
