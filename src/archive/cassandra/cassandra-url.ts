import { ArchiveError } from '../errors.js'

/** Where an archive on Cassandra is. */
export interface CassandraPlace {
  /** `host:port` of some nodes; the others are learned from them. */
  contactPoints: string[]
  keyspace: string
}

const PORT = 9042
const MAX_CONTACT_POINTS = 64

/**
 * Reads `cassandra://host[:port],host[:port]/keyspace`.
 * @throws ArchiveError when it is none, or has a password in it
 */
export function parseCassandraUrl(text: string): CassandraPlace {
  const [, hosts, keyspace] = /^cassandra:\/\/([^/?#]*)\/([^/?#]*)$/.exec(text) ?? []
  // not shown: what is wrong may be a secret
  if (hosts === undefined || keyspace === undefined)
    throw new ArchiveError('an archive on Cassandra is written as cassandra://host,host/keyspace')
  if (hosts.includes('@'))
    throw new ArchiveError(
      'user and password do not belong into the address of an archive, where others can read them: see "archive-user" and "archive-password-file"'
    )
  if (!/^[a-z][a-z0-9_]{0,47}$/.test(keyspace))
    throw new ArchiveError(
      `a keyspace is named by a small letter and up to 47 small letters, digits and _, not ${JSON.stringify(keyspace)}`
    )
  const contactPoints = hosts.split(',').map(host => contactPoint(host.trim()))
  if (contactPoints.length > MAX_CONTACT_POINTS)
    throw new ArchiveError(`at most ${MAX_CONTACT_POINTS} contact points are named: a few are enough`)
  return { contactPoints, keyspace }
}

function contactPoint(text: string): string {
  const [, host, port = String(PORT)] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new ArchiveError(`a contact point of Cassandra is host or host:port, not ${JSON.stringify(text)}`)
  return `${host}:${port}`
}
