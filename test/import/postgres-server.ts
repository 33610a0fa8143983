import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import type { Scope } from '../helpers/scope.js'
import { legacyKey } from '../transfer/legacy-level.js'

const DEBIAN = '/usr/lib/postgresql'

/** The programs of PostgreSQL's Debian package, or those that POSTGRES_BIN names. */
function programs(): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const bin = process.env.POSTGRES_BIN ?? (versions[0] === undefined ? undefined : join(DEBIAN, versions[0], 'bin'))
  if (bin === undefined) throw new Error('PostgreSQL is needed: apt-get install postgresql, or name POSTGRES_BIN')
  return bin
}

/** A PostgreSQL of its own with the schema of status-go's mailserver; gone after the test. */
export class Postgres {
  private constructor(
    readonly port: number,
    private readonly as: (program: string, ...args: string[]) => void,
    private readonly data: string
  ) {}

  static async start(t: Scope, folder: string): Promise<Postgres> {
    const bin = programs()
    const data = join(folder, 'postgres')
    mkdirSync(data)
    // PostgreSQL does not run as root
    const [uid, gid] = process.getuid?.() === 0 ? idOf('postgres') : [process.getuid?.(), process.getgid?.()]
    chownSync(data, uid as number, gid as number)
    chmodSync(folder, 0o755)
    const as = (program: string, ...args: string[]): void => {
      execFileSync(join(bin, program), args, { uid, gid, cwd: data, stdio: 'pipe' })
    }
    as('initdb', '-D', data, '-A', 'trust', '-U', 'mail', '--no-sync')
    const port = await freePort()
    const server = new Postgres(port, as, data)
    server.resume()
    t.after(() => server.stop())
    return server
  }

  resume(): void {
    const settings = `-F -p ${this.port} -h 127.0.0.1 -k ${this.data}`
    this.as('pg_ctl', '-D', this.data, '-w', '-l', join(this.data, 'log'), '-o', settings, 'start')
  }

  stop(): void {
    try {
      this.as('pg_ctl', '-D', this.data, '-w', '-m', 'immediate', 'stop')
    } catch {
      // it is stopped
    }
  }

  url({ port = this.port, user = 'mail' }: { port?: number; user?: string } = {}): string {
    return `postgres://${user}@127.0.0.1:${port}/postgres`
  }

  async query(sql: string, values: unknown[] = []): Promise<void> {
    const client = new pg.Client(this.url())
    await client.connect()
    await client.query(sql, values).finally(() => client.end())
  }

  /** The tables that status-go makes. */
  async makeSchema(): Promise<void> {
    await this.query(`
      create table envelopes (
        id bytea not null unique, data bytea not null, topic bytea not null, bloom bit(512) not null
      );
      create index id_bloom_idx on envelopes (id desc, bloom);
      create index id_topic_idx on envelopes (id desc, topic);
      create index topic_idx on envelopes (topic);
      create table schema_migrations (version bigint primary key, dirty boolean not null)`)
  }

  async insert(envelopes: readonly Envelope[]): Promise<void> {
    await this.query(
      `insert into envelopes select * from unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bit(512)[])`,
      [
        envelopes.map(envelope => Buffer.from(legacyKey(envelope, 'status-go'))),
        envelopes.map(({ raw }) => Buffer.from(raw)),
        envelopes.map(({ topic }) => Buffer.from(topic)),
        envelopes.map(() => '0'.repeat(512))
      ]
    )
  }
}

function idOf(user: string): [number, number] {
  const id = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return [id('-u'), id('-g')]
}

/** PostgreSQL takes no port 0. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
