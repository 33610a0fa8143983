import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { ClassicStore } from '../../src/archive/database/classic-store.js'
import { LEVEL_OPTIONS, openDatabase } from '../../src/archive/database/database.js'
import { LevelArchive } from '../../src/archive/level/level-archive.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'
import { blocksFinished } from '../archive/blocks-finished.js'
import { flip, largest } from '../archive/damage.js'
import { temporaryDirectory } from '../archive/temporary.js'
import { expired, fetch, hashesOf, queryOf } from './asking.js'
import { clientNode, serverNode } from './mail-nodes.js'

await useQuickKeccak()

const BLOCK = 100

/** An archive on disk, closed, with the postings of four blocks in its tables. */
async function archiveInTables(directory: string, envelopes: Envelope[]): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, LEVEL_OPTIONS)
  await level.open()
  const db = new ClassicStore(level)
  const archive = await LevelArchive.open({ db, blockSize: BLOCK })
  await archive.append(envelopes)
  await blocksFinished(db, archive, envelopes.length / BLOCK)
  await archive.close()
  await level.compactRange(Uint8Array.of(0), Uint8Array.of(0xff))
  await level.close()
}

/** Changes bytes of what the order of ingest says of an envelope: behind the rows, whose keys name it, too. */
async function spoilPosting(file: string, { hash }: Envelope): Promise<void> {
  const bytes = await readFile(file)
  const at = bytes.indexOf(hash, bytes.indexOf(hash) + 1)
  await flip(file, [at, at + 1, at + 5])
}

test('a digest over a damaged posting tells of all the same; of damaged envelopes, too, it cannot tell, and says so to client and operator', async t => {
  const envelopes = expired(4 * BLOCK)
  const directory = join(await temporaryDirectory(t), 'db')
  await archiveInTables(directory, envelopes)
  const { archive, checked, close } = await openDatabase(directory)
  t.after(close)
  const server = await serverNode(t, {}, { archive })
  const client = await clientNode(t, [server])
  const { server: peer, from, requestKey } = queryOf(server)
  const digest = () => client.client.digest({ server: peer, from, requestKey })
  assert.equal((await digest()).parts[0]?.count, envelopes.length)

  await checked
  const file = await largest(directory, '.ldb')
  const told: string[] = []
  t.after(archive.watch({ damaged: (_gap, text) => told.push(text) }))
  await spoilPosting(file, envelopes[10] as Envelope)
  assert.equal((await digest()).parts[0]?.count, envelopes.length)
  assert.match(told.join(), /^1 damaged part of the order of ingest was met/)
  const spoilt = envelopes[50] as Envelope
  await flip(file, (await readFile(file)).indexOf(spoilt.raw) + 20)
  await assert.rejects(digest(), {
    name: 'RequestError',
    code: RequestErrorCode.internal,
    message: /the archive cannot tell what it has: it is damaged/
  })
  assert(told.includes('the archive cannot tell what it has: it is damaged'))
  const received = await fetch(client, queryOf(server))
  assert.deepEqual(hashesOf(received), hashesOf(envelopes.filter(envelope => envelope !== spoilt)))
})
