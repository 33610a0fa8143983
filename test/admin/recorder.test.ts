import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Recorder } from '../../src/admin/recorder.js'
import { openDatabase } from '../../src/archive/database/database.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { tempDir } from '../node/temp-dir.js'

test('what was stored before is no traffic: neither busy topics nor the time of the last envelope count it', async t => {
  const database = await openDatabase(join(tempDir(t), 'database'))
  t.after(() => database.close())
  const { archive } = database
  const recorder = new Recorder()
  archive.watch({ appended: recorder.onAppended })
  const envelopes = [newEnvelope(), newEnvelope()]
  await archive.append(envelopes)
  const counted = () => recorder.topics.top(9).map(({ envelopes }) => envelopes)
  assert.deepEqual(counted(), [2])
  recorder.lastStored = undefined
  await archive.append(envelopes)
  assert.deepEqual(counted(), [2])
  assert.equal(recorder.lastStored, undefined)
  await archive.append([...envelopes, newEnvelope()])
  assert.deepEqual(counted(), [3])
  assert.notEqual(recorder.lastStored, undefined)
})
