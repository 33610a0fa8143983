import { readFile } from 'node:fs/promises'
import { type Datastore, Key } from 'interface-datastore'
import type { Archive } from '../../archive/archive.js'
import { printable } from '../../wire/printable.js'
import { ConfigError } from '../settings/config.js'
import { readPasswordFile } from '../settings/secret.js'
import type { StartConfig } from '../settings/start-config.js'
import { fileTrouble } from './file-trouble.js'

/** Settings of an archive that lies elsewhere than in the data dir. */
export type ArchiveSettings = Pick<
  StartConfig,
  | 'archive'
  | 'archive-user'
  | 'archive-password-file'
  | 'archive-ca'
  | 'archive-cert'
  | 'archive-key'
  | 'archive-tls'
  | 'archive-datacenter'
  | 'archive-replication'
>

/**
 * Opens the archive that several nodes share, when the settings name one; its driver is loaded only then.
 * @param daemon - who attends to it: the same when it is started again
 * @param create - whether it is begun where there is none
 * @throws ConfigError, SecretError, ArchiveError, ArchiveFormatError
 */
export async function openSharedArchive(
  settings: ArchiveSettings,
  { daemon, create }: { daemon: string; create: boolean }
): Promise<Archive | undefined> {
  const { archive, 'archive-user': username, 'archive-password-file': passwordFile } = settings
  if (archive === undefined) return withoutArchive(settings)
  if ((username === undefined) !== (passwordFile === undefined))
    throw new ConfigError('--archive-user and --archive-password-file belong together')
  const [{ CassandraArchive }, { parseCassandraUrl }] = await Promise.all([
    import('../../archive/cassandra/cassandra-archive.js'),
    import('../../archive/cassandra/cassandra-url.js')
  ])
  return await CassandraArchive.open({
    ...parseCassandraUrl(archive),
    daemon,
    create,
    credentials:
      username === undefined || passwordFile === undefined
        ? undefined
        : { username, password: await readPasswordFile(passwordFile) },
    tls: await tlsOf(settings),
    datacenter: settings['archive-datacenter'],
    replication: settings['archive-replication']
  })
}

/** Where the archive of a data dir's node lies, when that is elsewhere: an address, without user and password. */
const PLACE = new Key('/node/archive')

/** Notes where the archive of a node is, for who looks after its data dir later. */
export async function notePlace(datastore: Datastore, { archive }: ArchiveSettings): Promise<void> {
  try {
    if (archive !== undefined) await datastore.put(PLACE, new TextEncoder().encode(archive))
    else if (await datastore.has(PLACE)) await datastore.delete(PLACE)
  } catch {
    // a full disk keeps nobody from starting: it is noted the next time
  }
}

/** What `notePlace` noted last. */
export async function placeOf(datastore: Datastore): Promise<string | undefined> {
  return (await datastore.has(PLACE)) ? printable(new TextDecoder().decode(await datastore.get(PLACE))) : undefined
}

function withoutArchive(settings: ArchiveSettings): undefined {
  const [lost] = Object.entries(settings).filter(([name, value]) => isOfArchive(name) && value !== undefined)
  if (lost !== undefined) throw new ConfigError(`--${lost[0]} means nothing without --archive`)
  return undefined
}

const isOfArchive = (name: string): boolean =>
  /^archive-(user|password-file|ca|cert|key|tls|datacenter|replication)$/.test(name)

async function tlsOf(settings: ArchiveSettings): Promise<{ ca?: Buffer; cert?: Buffer; key?: Buffer } | undefined> {
  const { 'archive-ca': ca, 'archive-cert': cert, 'archive-key': key, 'archive-tls': tls } = settings
  if ((cert === undefined) !== (key === undefined))
    throw new ConfigError('--archive-cert and --archive-key belong together')
  if (ca === undefined && cert === undefined && tls !== true) return undefined
  return {
    ...(ca !== undefined && { ca: await read(ca) }),
    ...(cert !== undefined && { cert: await read(cert) }),
    ...(key !== undefined && { key: await read(key) })
  }
}

async function read(path: string): Promise<Buffer> {
  return await readFile(path).catch(err => {
    throw new ConfigError(`cannot read ${path}: ${fileTrouble(err)}`)
  })
}
