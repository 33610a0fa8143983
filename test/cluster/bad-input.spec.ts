import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import cassandra from 'cassandra-driver'
import { Cluster } from '../../scripts/cluster/cluster.js'
import { freePort } from '../../scripts/cluster/free-port.js'
import { MAX_UINT32 } from '../../src/wire/bytes.js'
import { readPage } from '../archive/comparison.js'
import { envelopeAt } from '../archive/traffic.js'
import { closeOpened, newKeyspace, openArchive } from './archive-of.js'

const run = promisify(execFile)
const ALL = { lower: 0, upper: MAX_UINT32, limit: 100 }
const PASSWORD = 'a password of the test'

// One node that asks for credentials, speaks TLS too, and confirms what is not on disk yet.
const folder = await mkdtemp(join(tmpdir(), 'waku-tls-'))
const keystore = join(folder, 'keystore.p12')
const store = ['-keystore', keystore, '-storepass', PASSWORD, '-alias', 'node']
await run('keytool', [
  ...['-genkeypair', '-keyalg', 'RSA', '-keysize', '2048', '-storetype', 'PKCS12', '-validity', '2'],
  ...['-dname', 'CN=127.0.0.1', '-ext', 'SAN=ip:127.0.0.1', ...store]
])
const ca = join(folder, 'ca.pem')
await run('keytool', ['-exportcert', '-rfc', '-file', ca, ...store])
const odd = await Cluster.start({
  settings: {
    authenticator: 'PasswordAuthenticator',
    commitlog_sync: 'periodic',
    commitlog_sync_period: '10000ms',
    client_encryption_options: `{enabled: true, optional: true, keystore: "${keystore}", keystore_password: "${PASSWORD}", store_type: PKCS12}`
  }
})
after(async () => {
  await odd.stop()
  await rm(folder, { recursive: true, force: true })
})

const credentials = { username: 'cassandra', password: 'cassandra' }
// the first user is made a moment after the node serves
for (let attempts = 60; ; attempts--) {
  const contactPoints = odd.contactPoints
  const user = new cassandra.Client({ contactPoints, localDataCenter: 'datacenter1', credentials })
  try {
    await user.connect()
    break
  } catch (error) {
    if (attempts === 0) throw error
    await delay(500)
  } finally {
    await user.shutdown()
  }
}
const says = (words: RegExp) => (error: Error) => {
  assert.equal(error.name, 'ArchiveError', String(error))
  assert.match(error.message, words)
  return true
}

test('credentials that are refused, or missing, are said to be', async () => {
  const refused = /refused the credentials/
  await assert.rejects(openArchive(odd, { credentials: { username: 'cassandra', password: 'wrong' } }), says(refused))
  await assert.rejects(openArchive(odd), says(refused))
})

test('a certificate that does not verify is refused, with what to name', async () => {
  await assert.rejects(openArchive(odd, { credentials, tls: {} }), says(/does not verify.*archive-ca/))
})

test('a node that confirms what is not on disk yet is refused, with the remedy, also over TLS', async () => {
  const tls = { ca: await readFile(ca) }
  for (const options of [{ credentials }, { credentials, tls }])
    await assert.rejects(openArchive(odd, options), says(/commitlog_sync: batch/))
})

test('nobody at the contact point is an error with what to look at', async () => {
  const contactPoints = [`127.0.0.1:${await freePort(['127.0.0.1'])}`]
  await assert.rejects(openArchive({ contactPoints }, { replication: 1 }), says(/no node of Cassandra can be reached/))
  await assert.rejects(
    openArchive({ contactPoints: ['nobody.invalid:9042'] }, { replication: 1 }),
    says(/no node of Cassandra can be reached/)
  )
})

const cluster = await Cluster.start()
after(closeOpened)
after(() => cluster.stop())
const client = new cassandra.Client({ contactPoints: cluster.contactPoints, localDataCenter: 'datacenter1' })
after(() => client.shutdown())
const create = (keyspace: string, copies = 1) =>
  client.execute(
    `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': ${copies}}`
  )

test('the keyspace of another program is left alone', async () => {
  const keyspace = newKeyspace()
  await create(keyspace)
  await client.execute(`CREATE TABLE ${keyspace}.users (id int PRIMARY KEY)`)
  const foreign = { name: 'ArchiveFormatError', message: /is of another program \(its tables: users\)/ }
  await assert.rejects(openArchive(cluster, { keyspace }), foreign)
  const { rows } = await client.execute(
    `SELECT table_name FROM system_schema.tables WHERE keyspace_name = '${keyspace}'`
  )
  assert.equal(rows.length, 1)
})

test('another replication than was asked for, and one that the nodes cannot give, are refused', async () => {
  const keyspace = newKeyspace()
  await create(keyspace)
  await assert.rejects(
    openArchive(cluster, { keyspace, replication: 3 }),
    says(/keeps 1 copies in datacenter1, not 3: ALTER KEYSPACE/)
  )
  await assert.rejects(openArchive(cluster, { replication: 3 }), says(/start more, or say with "archive-replication"/))
  await assert.rejects(openArchive(cluster, { datacenter: 'elsewhere' }), says(/elsewhere/))
})

test('the tables of a newer version are refused', async () => {
  const keyspace = newKeyspace()
  await (await openArchive(cluster, { keyspace })).close()
  await client.execute(`UPDATE ${keyspace}.waku_archive SET format = 9 WHERE key = 'archive' IF format = 1`)
  await assert.rejects(openArchive(cluster, { keyspace }), { name: 'ArchiveFormatError', message: /format 9/ })
})

test('a node that does not answer for a moment is tried again while the archive is opened', async t => {
  const [, port] = (cluster.contactPoints[0] as string).split(':')
  const sockets: Socket[] = []
  // whoever connects first gets no answer
  const relay = createServer(socket => {
    sockets.push(socket.on('error', () => {}))
    if (sockets.length === 1) return
    const node = connect(Number(port), '127.0.0.1').on('error', () => socket.destroy())
    socket.on('close', () => node.destroy()).pipe(node)
    node.on('close', () => socket.destroy()).pipe(socket)
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    relay.close()
  })
  const { port: relayed } = relay.address() as AddressInfo
  const archive = await openArchive({ contactPoints: [`127.0.0.1:${relayed}`] })
  assert.ok(sockets.length > 1)
  assert.deepEqual(await archive.append([envelopeAt(1000, new Uint8Array(4), Uint8Array.of(1))]), ['stored'])
  await archive.close()
})

test('a node that falls silent half way through a batch: an error within ten seconds, and nothing is lost', async () => {
  const archive = await openArchive(cluster)
  const [first, ...rest] = Array.from({ length: 20 }, (_, i) => [
    envelopeAt(1000 + i, new Uint8Array(4), Uint8Array.of(i))
  ])
  await archive.append(first as never)
  cluster.node(0).pause()
  const began = performance.now()
  await assert.rejects(archive.append(rest.flat()), { name: 'ArchiveError' })
  assert.ok(performance.now() - began < 12_000)
  cluster.node(0).resume()
  const outcomes = await archive.append(rest.flat())
  assert.equal(outcomes.length, 19)
  assert.equal((await readPage(archive, ALL)).rows.length, 20)
  const { countsWrong, index, missing, damaged } = await archive.verify()
  assert.deepEqual({ countsWrong, index, missing, damaged }, { countsWrong: false, index: 0, missing: 0, damaged: 0 })
  await archive.close()
})
