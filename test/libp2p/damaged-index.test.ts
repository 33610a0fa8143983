import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'
import { databaseInTables, flip, largest } from '../archive/damage.js'
import { temporaryDirectory } from '../archive/temporary.js'
import { expired, fetch, hashesOf, queryOf } from './asking.js'
import { clientNode, serverNode } from './mail-nodes.js'

await useQuickKeccak()

test('a client that asks for a digest over a damaged index is told that it is damaged, and the operator too; history has all', async t => {
  const envelopes = expired(400)
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [envelopes])
  const { archive, checked, close } = await openDatabase(directory)
  t.after(close)
  const server = await serverNode(t, {}, { archive })
  const client = await clientNode(t, [server])
  const { server: peer, from, requestKey } = queryOf(server)
  const digest = () => client.client.digest({ server: peer, from, requestKey })
  assert.equal((await digest()).parts[0]?.count, 400)

  await checked
  const file = await largest(directory, '.ldb')
  const bytes = await readFile(file)
  // the index of a day by topic lies behind the rows
  const at = bytes.indexOf(Buffer.from('!a!t'), bytes.lastIndexOf((envelopes[399] as Envelope).raw))
  await flip(file, [at + 30, at + 31, at + 35])
  assert.equal((await archive.verify()).files, 1)
  const told: string[] = []
  t.after(archive.watch({ damaged: (_gap, text) => told.push(text) }))
  await assert.rejects(digest(), {
    name: 'RequestError',
    code: RequestErrorCode.internal,
    message: /an index of the archive cannot be read: it is damaged/
  })
  assert.match(told[0] as string, /an index of the archive cannot be read/)
  assert.deepEqual(hashesOf(await fetch(client, queryOf(server))), hashesOf(envelopes))
})
