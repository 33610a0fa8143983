import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { toHex } from '../../src/wire/bytes.js'
import { repositoryRoot } from '../helpers/repository.js'
import { checkSmall, type FuzzTarget, read } from './oracle.js'

const corpora = join(repositoryRoot, 'test', 'fuzz', 'corpus')
const targets = readdirSync(join(repositoryRoot, 'test', 'fuzz', 'targets')).map(name => name.replace(/\.ts$/, ''))

test('every fuzz target has a corpus, and every corpus a target', () => {
  assert.deepEqual(readdirSync(corpora).sort(), targets.sort())
})

for (const target of targets) {
  test(`the corpus of ${target} holds what is read and what is refused, and every promise of the target`, async () => {
    const { fuzz } = (await import(new URL(`./targets/${target}.js`, import.meta.url).href)) as { fuzz: FuzzTarget }
    const inputs = readdirSync(join(corpora, target)).map(name => readFileSync(join(corpora, target, name)))
    const verdicts = new Set<boolean>()
    for (const input of inputs) {
      for (const bytes of [input, input.subarray(0, -1), input.subarray(1), Buffer.concat([input, input])]) {
        try {
          verdicts.add(fuzz(new Uint8Array(bytes)))
        } catch (cause) {
          throw new Error(`for ${toHex(bytes)}`, { cause })
        }
      }
    }
    assert.deepEqual([...verdicts].sort(), [false, true])
  })
}

test('an error of another class, or a result that outgrows its input, is a finding', () => {
  class Typed extends Error {}
  class Heir extends Typed {}
  const thrower = (error: Error) => (): never => {
    throw error
  }
  assert.equal(read(thrower(new Typed('bad')), Typed), undefined)
  assert.throws(() => read(thrower(new Heir('bad')), Typed), /no error of Typed/)
  assert.throws(() => read(thrower(new TypeError('bad')), Typed), /no error of Typed/)
  checkSmall([new Uint8Array(100)], new Uint8Array(10), { factor: 10, more: 100 })
  assert.throws(
    () => checkSmall([new Uint8Array(300)], new Uint8Array(10), { factor: 10, more: 100 }),
    /came out of 10/
  )
})
