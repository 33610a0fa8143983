import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { exportHandlers } from '../../src/node/control/export-handlers.js'
import { DAY, type DaySum, DaySums } from '../../src/transfer/day-sums.js'
import { toHex } from '../../src/wire/bytes.js'
import { Prng } from '../archive/prng.js'
import { Traffic } from '../archive/traffic.js'
import { tempDir } from '../node/temp-dir.js'

test('what was read is compared with what an archive holds, day by day, however many days there are', async t => {
  const { archive, datastore, close } = await openDatabase(tempDir(t))
  t.after(close)
  const envelopes = [...new Traffic(new Prng(3), { count: 2000, days: 150, payload: 20 }).batches(2000)].flat()
  await archive.append(envelopes)
  const salt = new Uint8Array(32).fill(7)
  const { signal } = new AbortController()
  const digest = exportHandlers({ archive, datastore })['export.digest']
  const ask = async (range: object) => (await digest?.({ ...range, salt: toHex(salt) }, { signal })) as DaySum[]
  const until = Traffic.firstDay + 149 * DAY + 3600
  const differing = (read: typeof envelopes, oldest = 0): Promise<number[]> => {
    const sums = new DaySums(salt, until)
    for (const envelope of read) sums.add(envelope)
    return sums.differing(ask, oldest)
  }
  const first = Math.floor(Traffic.firstDay / DAY)
  assert.deepEqual(await differing(envelopes), [])
  const dayOf = (day: number) => envelopes.findIndex(({ sent }) => Math.floor(sent / DAY) === first + day)
  for (const day of [0, 1, 64, 100, 148, 149]) {
    const without = envelopes.toSpliced(dayOf(day), 1)
    assert.deepEqual(await differing(without), [first + day], `day ${day}`)
  }
  // as many, but another one
  const twice = envelopes.with(dayOf(70), envelopes[dayOf(70) + 1] as (typeof envelopes)[0])
  assert.deepEqual(await differing(twice), [first + 70])
  const lost = envelopes.slice(dayOf(3))
  assert.deepEqual(await differing(lost, Traffic.firstDay + 3 * DAY), [], 'what was pruned meanwhile is not asked for')
})
