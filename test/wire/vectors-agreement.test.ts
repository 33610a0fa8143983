import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { repositoryRoot } from '../helpers/repository.js'
import { recordedVectors } from './legacy-vectors.js'
import type * as Recorded from './recorded-vectors.js'

type Case = Record<string, unknown>

const own = (name: string, group: string): Case[] =>
  JSON.parse(readFileSync(join(repositoryRoot, 'protocols', 'vectors', name), 'utf8'))[group]

const plain = (value: unknown): string => String(value).replace(/^0x/, '')

/** Compares the outputs wherever a recorded case and one of ours have the same inputs; there must be some. */
function shared(file: string, compare: (context: TestContext) => number | undefined): void {
  test(`${file} says what deployed programs recorded for the same inputs`, context => {
    const cases = compare(context)
    if (cases === undefined) return
    assert.ok(cases > 0)
    context.diagnostic(`${file}: ${cases} shared cases`)
  })
}

function compared(pairs: [ours: unknown, theirs: unknown][]): number {
  for (const [ours, theirs] of pairs) assert.equal(plain(ours), theirs)
  return pairs.length
}

shared('kdf.json', context => {
  const recorded = recordedVectors<Recorded.KeyFile>(context, 'kdf.json')
  return (
    recorded &&
    compared(
      own('kdf.json', 'keys').flatMap(({ password, key }) =>
        recorded.vectors.filter(one => one.password === password).map(one => [key, one.key] as [unknown, unknown])
      )
    )
  )
})

shared('bloom.json', context => {
  const recorded = recordedVectors<Recorded.BloomFile>(context, 'bloom.json')
  return (
    recorded &&
    compared(
      own('bloom.json', 'topics').flatMap(({ topic, bloom, lossy }) =>
        recorded.topics
          .filter(one => one.topic === plain(topic))
          .flatMap((one): [unknown, unknown][] => [
            [lossy, one.bloom],
            [bloom, one.bloomOrSemantics]
          ])
      )
    )
  )
})

shared('envelope.json', context => {
  const recorded = recordedVectors<Recorded.EnvelopeFile>(context, 'envelope.json')
  const inputs = (one: Case | Recorded.EnvelopeVector): string =>
    [one.expiry, one.ttl, plain(one.topic), plain(one.data), one.nonce].join()
  return (
    recorded &&
    compared(
      own('envelope.json', 'envelopes').flatMap(ours =>
        recorded.envelopes
          .filter(one => inputs(one) === inputs(ours))
          .flatMap((one): [unknown, unknown][] => [
            [ours.rlp, one.rlp],
            [ours.hash, one.hash],
            [ours.powHash, one.powHash],
            [ours.cursor, one.cursor]
          ])
      )
    )
  )
})

shared('status.json', context => {
  const recorded = recordedVectors<Recorded.StatusFile>(context, 'status.json')
  if (recorded === undefined) return undefined
  const ours = own('status.json', 'written').map(one => plain(one.body))
  // the same options are the same bytes, so that nearly all of theirs are among ours
  const both = recorded.waku1.filter(one => ours.includes(one.payload))
  assert.ok(both.length >= 10, `${both.length} of ${recorded.waku1.length}`)
  return both.length
})
