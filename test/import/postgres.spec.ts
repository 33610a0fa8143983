import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { runHere } from '../cli/in-process.js'
import { newDataDir } from '../cli/processes.js'
import type { Scope } from '../helpers/scope.js'
import { tempDir } from '../node/temp-dir.js'
import { recentEnvelopes } from '../transfer/recent.js'
import { Postgres } from './postgres-server.js'

async function world(t: TestContext) {
  const cwd = tempDir(t)
  const dir = join(cwd, 'waku-data')
  await newDataDir(dir)
  const postgres = await Postgres.start(t, cwd)
  const mail = (...args: string[]) => runHere(args, { WAKU_MAILSERVER_DATA_DIR: dir })
  const take = async (...args: string[]) => {
    const { code, stdout, stderr } = await mail('import', ...args, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout).summary
  }
  const hashes = async () => {
    const { stdout } = await mail('export', '--form', 'json', '--no-compress')
    return [...stdout.matchAll(/"hash":"0x(\w+)"/g)].map(([, hash]) => hash)
  }
  return { postgres, mail, take, hashes }
}

const hashesOf = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex)

test('the archive of status-go in PostgreSQL is imported whole and by range, once, and nothing is written there', async t => {
  const { postgres, take, hashes } = await world(t)
  await postgres.makeSchema()
  const envelopes = recentEnvelopes(10_000)
  const [a, b] = [envelopes[0], envelopes[1]] as [Envelope, Envelope]
  await postgres.insert(envelopes.slice(1))
  // of one the data is another's
  await postgres.query('update envelopes set data = $1 where id = (select id from envelopes order by id limit 1)', [
    Buffer.from(a.raw)
  ])
  await postgres.query('alter database postgres set default_transaction_read_only = on')
  const half = envelopes[5000] as Envelope
  const part = await take(postgres.url(), '--since', String(half.sent))
  assert.deepEqual([part.source, part.stored, part.damaged], ["status-go's mailserver (PostgreSQL)", 5000, 0])
  const whole = await take(postgres.url())
  assert.deepEqual([whole.envelopes, whole.stored, whole.known, whole.damaged], [9999, 4998, 5000, 1])
  assert.deepEqual(await hashes(), hashesOf(envelopes.filter(envelope => envelope !== a && envelope !== b)))
})

test('a connection that breaks in the middle is made again; where it cannot, a later run goes on, and nothing is lost', async t => {
  const { postgres, mail, take, hashes } = await world(t)
  await postgres.makeSchema()
  const envelopes = recentEnvelopes(12_000, { payload: 400 })
  await postgres.insert(envelopes)
  const proxy = await BreakingProxy.listen(t, postgres.port)
  proxy.cutAfter = 2_500_000
  const whole = await take(postgres.url({ port: proxy.port }))
  assert.equal(proxy.cuts, 1)
  assert.deepEqual([whole.envelopes, whole.known], [12_000, 0], 'no row came twice')
  assert.deepEqual(await hashes(), hashesOf(envelopes))

  const other = recentEnvelopes(11_000, { payload: 401 })
  await postgres.query('delete from envelopes')
  await postgres.insert(other)
  proxy.cutAfter = 2_500_000
  proxy.refuses = true
  const broken = await mail('import', postgres.url({ port: proxy.port }), '--json')
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /PostgreSQL at 127\.0\.0\.1:\d+\/postgres: .*what came is kept, run it again to go on/)
  const kept = new Set(await hashes()).size - envelopes.length
  assert.ok(kept > 0 && kept < other.length, `${kept} came before`)
  proxy.refuses = false
  const rest = await take(postgres.url({ port: proxy.port }))
  assert.deepEqual([rest.resumed, rest.envelopes, rest.known], [true, other.length - kept, 0])
  assert.deepEqual((await hashes()).sort(), [...hashesOf(envelopes), ...hashesOf(other)].sort())
})

test('a database that is none of a mailserver, or cannot be read, is one clear line without the password', async t => {
  const { postgres, mail } = await world(t)
  const refused = async (url: string, reason: RegExp): Promise<void> => {
    const { code, stderr } = await mail('import', url)
    assert.equal(code, 1, stderr)
    assert.match(stderr, reason)
    assert.doesNotMatch(stderr, /geheim/)
  }
  await refused(postgres.url(), /has no table "envelopes": name the database/)
  await postgres.query('create table envelopes (id text, data bytea)')
  await refused(postgres.url(), /"id" should be bytea, and it is text/)
  await postgres.query('drop table envelopes')
  await postgres.makeSchema()
  await postgres.query('create role stranger login')
  await refused(postgres.url({ user: 'stranger' }), /may not read it: grant select on envelopes/)
  await refused(`${postgres.url()}x`, /there is no such database/)
  await refused(
    postgres.url({ user: 'nobody:geheim' }),
    /prefer PGPASSWORD[\s\S]*role "nobody" does not exist|does not let this user in/
  )
  postgres.stop()
  await refused(postgres.url(), /nobody listens there/)
})

/** Passes a connection on, and breaks it off after so many bytes of answers. */
class BreakingProxy {
  cutAfter = Number.POSITIVE_INFINITY
  /** Whether nobody gets through after a cut. */
  refuses = false
  cuts = 0
  readonly #server: Server

  private constructor(to: number) {
    this.#server = createServer(client => this.#pass(client, to))
  }

  static async listen(t: Scope, to: number): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(to)
    await new Promise<void>(resolve => proxy.#server.listen(0, '127.0.0.1', resolve))
    t.after(() => proxy.#server.close())
    return proxy
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  #pass(client: Socket, to: number): void {
    client.on('error', () => {})
    if (this.refuses && this.cutAfter === Number.POSITIVE_INFINITY) return void client.destroy()
    const server = connect(to, '127.0.0.1')
    server.on('error', () => {})
    client.on('close', () => server.destroy()).pipe(server)
    server.on('close', () => client.destroy())
    server.on('data', data => {
      this.cutAfter -= data.length
      if (this.cutAfter > 0) return void client.write(data)
      this.cutAfter = Number.POSITIVE_INFINITY
      this.cuts++
      client.resetAndDestroy()
    })
  }
}
