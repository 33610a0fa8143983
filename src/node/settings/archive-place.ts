import { parseCassandraUrl } from '../../archive/cassandra/cassandra-url.js'
import { ValueError } from './value-error.js'

/** What `--archive` takes. */
export const ARCHIVE = 'cassandra://host,host/keyspace'

/** The address itself once it was found good. Throws `ValueError`, which shows no password. */
export function parseArchivePlace(text: string): string {
  try {
    const { contactPoints, keyspace } = parseCassandraUrl(text.trim())
    return `cassandra://${contactPoints.join(',')}/${keyspace}`
  } catch {
    if (!text.includes('@')) throw new ValueError(ARCHIVE, text)
    const allowed = `${ARCHIVE} without user and password, which are --archive-user and --archive-password-file`
    throw new ValueError(allowed, text.replace(/[^/]*@/g, '…@'))
  }
}
