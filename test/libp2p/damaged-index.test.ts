import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
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
import { until } from '../helpers/waku-node.js'
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

/** A server with such an archive, of which a client asks for digests. */
async function spoiled(t: TestContext, spoil: (file: string, envelopes: Envelope[]) => Promise<void>) {
  const envelopes = expired(4 * BLOCK)
  const directory = join(await temporaryDirectory(t), 'db')
  await archiveInTables(directory, envelopes)
  const { archive, checked, close } = await openDatabase(directory)
  t.after(close)
  const server = await serverNode(t, {}, { archive })
  const client = await clientNode(t, [server])
  const query = queryOf(server)
  const { server: peer, from, requestKey } = query
  const digest = () => client.client.digest({ server: peer, from, requestKey })
  assert.equal((await digest()).parts[0]?.count, envelopes.length)

  await checked
  const told: string[] = []
  t.after(archive.watch({ damaged: (_gap, text) => told.push(text) }))
  await spoil(await largest(directory, '.ldb'), envelopes)
  return { envelopes, told, digest, history: () => fetch(client, query) }
}

test('a digest over a damaged posting tells of all, or that it is mended first, and nothing is lost', async t => {
  const { envelopes, told, digest, history } = await spoiled(t, (file, envelopes) =>
    spoilPosting(file, envelopes[10] as Envelope)
  )
  const early = await digest().then(
    ({ parts }) => parts[0]?.count,
    (error: Error) => error.message
  )
  if (early !== envelopes.length)
    assert.equal(early, 'the archive cannot tell what it has before it is mended, which is under way')
  assert.match(told.join(), /^1 damaged part of the order of ingest was met/)
  await until(() => told.some(text => text.endsWith('made anew: nothing is lost')))
  assert.deepEqual(hashesOf(await history()), hashesOf(envelopes))
})

test('a digest over a damaged posting of damaged envelopes cannot tell, and says so; the operator is told of the loss', async t => {
  const { envelopes, told, digest, history } = await spoiled(t, async (file, envelopes) => {
    await spoilPosting(file, envelopes[10] as Envelope)
    const at = (await readFile(file)).indexOf((envelopes[50] as Envelope).raw)
    await flip(file, [at + 20, at + 23], 0x11)
  })
  await assert.rejects(digest(), {
    name: 'RequestError',
    code: RequestErrorCode.internal,
    message: /the archive cannot tell what it has/
  })
  await until(() => told.some(text => text.startsWith('lost: ')))
  const kept = hashesOf(await history())
  const lost = envelopes.filter(({ hashHex }) => !kept.includes(hashHex))
  assert(lost.includes(envelopes[50] as Envelope))
  assert(
    told.some(text => text.startsWith(`lost: ${lost.length} stored envelope`)),
    told.join('; ')
  )
})
