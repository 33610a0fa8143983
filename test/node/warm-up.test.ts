import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Archive } from '../../src/archive/archive.js'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { openStore } from '../../src/node/data-dir/store.js'
import { warmUp } from '../../src/node/warm-up.js'
import { Prng } from '../archive/prng.js'
import { Traffic } from '../archive/traffic.js'
import { silentLogger } from '../helpers/logger.js'
import { tempDir } from './temp-dir.js'

test('before a node serves, its newest envelopes are read once; what cannot be read keeps it from nothing', async t => {
  const logger = silentLogger()
  const store = await openStore(await openDataDir(tempDir(t)))
  // as a node's listeners do: deadlines alone keep no process
  const alive = setInterval(() => {}, 1000)
  t.after(() => clearInterval(alive))
  let asked = 0
  let read = 0
  const { archive } = store
  const counted: Parameters<typeof warmUp>[0] = {
    id: archive.id,
    stats: () => archive.stats(),
    coverage: filter => archive.coverage(filter),
    sequence: query => archive.sequence(query),
    digest: query => archive.digest(query),
    async *query(query) {
      asked++
      const slices = archive.query(query)
      for (let step = await slices.next(); ; step = await slices.next()) {
        if (step.done === true) return step.value
        read += step.value.length
        yield step.value
      }
    }
  }
  await warmUp(counted, { logger, patience: 30_000 })
  assert.equal(asked, 0, 'there is nothing to read')
  for (const batch of new Traffic(new Prng(3), { count: 300, days: 1 }).batches(300)) await archive.append(batch)
  await warmUp(counted, { logger, patience: 30_000 })
  assert.ok(asked > 1, 'each request was opened, each answer sent and read: or there would be no second one')
  assert.ok(read >= asked * 100, `${read} envelopes`)

  const broken = (query: Archive['query']): Parameters<typeof warmUp>[0] => ({ ...counted, query })
  await warmUp(
    broken(() => {
      throw new Error('the disk is broken')
    }),
    { logger }
  )
  await warmUp(
    broken(async function* () {
      await new Promise(() => {})
      return yield []
    }),
    { logger }
  )
  await store.close()
})
