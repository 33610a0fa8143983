import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { join, until, wakuNode } from '../helpers/waku-node.js'

test('what a peer got confirmed is in the archive, byte for byte, after the node is gone [MAIL-01] [MAIL-03] [MAIL-04] [D-07]', async t => {
  const directory = await mkdtemp(joinPath(tmpdir(), 'waku-archiving-'))
  t.after(() => rm(directory, { recursive: true }))
  const [client, server] = await Promise.all([wakuNode({ pow: 0 }), wakuNode({ pow: 0 })])
  t.after(() => client.stop())
  const database = await openDatabase(directory)
  server.waku.setStore({ append: envelopes => database.archive.append(envelopes) })
  await join(client, server)
  const envelopes = Array.from({ length: 40 }, (_, i) => newEnvelope({ topic: Uint8Array.of(i, 0, 0, i) }))
  const results = await Promise.all(envelopes.map(envelope => client.waku.post({ envelope })))
  for (const { confirmed } of results) assert.deepEqual(confirmed.map(String), [server.libp2p.peerId.toString()])
  await server.stop()
  await database.close()

  const again = await openDatabase(directory)
  const rows: string[] = []
  for await (const slice of again.archive.query({ lower: 0, upper: MAX_UINT32, limit: 1000 })) {
    rows.push(...slice.map(({ raw }) => toHex(raw)))
  }
  await again.close()
  assert.deepEqual(rows.sort(), envelopes.map(({ raw }) => toHex(raw)).sort())
})

test('an archive that fails confirms nothing, and the poster learns it', async t => {
  const directory = await mkdtemp(joinPath(tmpdir(), 'waku-archiving-'))
  t.after(() => rm(directory, { recursive: true }))
  const [client, server] = await Promise.all([wakuNode({ pow: 0 }), wakuNode({ pow: 0 })])
  t.after(() => Promise.all([client.stop(), server.stop()]).then(() => {}))
  const database = await openDatabase(directory)
  server.waku.setStore({ append: envelopes => database.archive.append(envelopes) })
  await join(client, server)
  await database.close()
  const envelope = newEnvelope()
  const { confirmed, refused } = await client.waku.post({ envelope })
  assert.deepEqual(confirmed, [])
  assert.deepEqual(
    refused.map(({ code, text }) => [code, text]),
    [[2, 'not stored']]
  )
  // a copy that comes when the disk is back is stored
  const healed = await openDatabase(directory)
  t.after(() => healed.close())
  server.waku.setStore({ append: envelopes => healed.archive.append(envelopes) })
  assert.equal((await client.waku.post({ envelope })).confirmed.length, 1)
  await until(() => server.waku.counters.get('envelopes_stored') === 1)
  assert.equal((await healed.archive.stats()).envelopes, 1)
})
