import cassandra from 'cassandra-driver'
import { ArchiveError, archiveFailure } from '../errors.js'

const { responseErrorCodes } = cassandra.types

/** What keeps a TLS connection from being made, as Node names it. */
const TLS =
  /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|Hostname\/IP does not match|self.signed|wrong version number|packet length too long/i

/** A statement was about something that is not there. */
const GONE = /(keyspace|table) .*does(n't| not) exist|unconfigured table|unknown keyspace/i
const KEYSPACE_GONE =
  'the keyspace of the archive, or a table of it, is gone from Cassandra: bring it back from a snapshot; a node that is started anew begins an empty one'

/** Whether a table is not there, or not yet. */
export function isGone(error: unknown): boolean {
  if (error instanceof ArchiveError) return isGone(error.cause)
  const { invalid, configError } = responseErrorCodes
  return [invalid, configError].includes(codeOf(error) ?? 0) && GONE.test((error as Error).message)
}

/** What the driver threw, as an `ArchiveError` that says what to do; an error of the archive as it is. */
export function cassandraTrouble(error: unknown): Error {
  const words = inWords(error)
  if (words === undefined)
    return archiveFailure(`Cassandra could not do what was asked: ${(error as Error).message}`, error)
  return new ArchiveError(words, { cause: error })
}

/** Whether nobody knows if it was done. */
export function isUncertain(error: unknown): boolean {
  if (error instanceof ArchiveError && error.cause !== undefined) return isUncertain(error.cause)
  return (
    error instanceof cassandra.errors.OperationTimedOutError ||
    error instanceof cassandra.errors.NoHostAvailableError ||
    error instanceof TimeUpError ||
    codeOf(error) === responseErrorCodes.writeTimeout ||
    codeOf(error) === responseErrorCodes.writeFailure
  )
}

/** Whether it may go well if it is tried again at once. */
export function isPassing(error: unknown): boolean {
  const { errors } = cassandra
  if (error instanceof errors.NoHostAvailableError) return Object.values(error.innerErrors).some(isPassing)
  const code = codeOf(error)
  return (
    error instanceof errors.OperationTimedOutError ||
    code === responseErrorCodes.writeTimeout ||
    code === responseErrorCodes.readTimeout ||
    code === responseErrorCodes.overloaded
  )
}

/** A statement was not answered in the time that there was for it. */
export class TimeUpError extends Error {
  static override readonly name = 'TimeUpError'
  override readonly name = 'TimeUpError'
}

function codeOf(error: unknown): number | undefined {
  return error instanceof cassandra.errors.ResponseError ? error.code : undefined
}

function inWords(error: unknown): string | undefined {
  const { errors } = cassandra
  if (error instanceof errors.NoHostAvailableError) return ofHosts(error)
  if (error instanceof errors.AuthenticationError)
    return 'Cassandra refused the credentials: check "archive-user" and the password'
  if (error instanceof errors.OperationTimedOutError || error instanceof TimeUpError)
    return 'Cassandra did not answer in time: are enough nodes up, and is one of them overloaded?'
  switch (codeOf(error)) {
    case responseErrorCodes.unavailableException:
      return 'too few nodes of Cassandra are up for a quorum: start them; it goes on by itself'
    case responseErrorCodes.writeTimeout:
    case responseErrorCodes.readTimeout:
      return 'no quorum of Cassandra answered in time: are enough nodes up? It goes on by itself'
    case responseErrorCodes.writeFailure:
    case responseErrorCodes.readFailure:
      return 'nodes of Cassandra failed to do what was asked: see their logs; a full disk is the usual reason'
    case responseErrorCodes.overloaded:
    case responseErrorCodes.isBootstrapping:
      return 'nodes of Cassandra are overloaded or starting: it goes on by itself'
    case responseErrorCodes.configError:
    case responseErrorCodes.invalid:
      return GONE.test((error as Error).message) ? KEYSPACE_GONE : undefined
    // the driver prepared it again, which can fail for one reason
    case responseErrorCodes.unprepared:
      return KEYSPACE_GONE
    case responseErrorCodes.unauthorized:
      return `the user of Cassandra may not do that: grant it ALL on the keyspace (${(error as Error).message})`
    default:
      return undefined
  }
}

function ofHosts({ innerErrors }: cassandra.errors.NoHostAvailableError): string {
  const inner = Object.values(innerErrors) as (Error & { code?: unknown })[]
  const said = inner.map(({ code, message }) => `${typeof code === 'string' ? code : ''} ${message}`)
  const refused = inner.find(error => error instanceof cassandra.errors.AuthenticationError)
  if (refused !== undefined) return inWords(refused) as string
  const tls = said.find(text => TLS.test(text))
  if (tls !== undefined)
    return `the TLS certificate of Cassandra does not verify: name its authority with "archive-ca", and hosts as the certificate does (${tls.trim()})`
  const known = inner.map(error => inWords(error)).find(words => words !== undefined)
  if (known !== undefined) return known
  const first = said[0]?.trim()
  return `no node of Cassandra can be reached${first ? ` (${first})` : ''}: do they run at the contact points, and do both sides use TLS or neither?`
}
