import type { MailClient } from '../mailclient/mail-client.js'
import { MAX_UINT32, toHex } from '../wire/bytes.js'
import { RequestErrorCode } from '../wire/request/request-error.js'
import type { AskedTopics } from './asked-topics.js'
import type { Display } from './display.js'
import { ComparisonError } from './errors.js'
import type { Evidence, LeftOut, MailboxMessage, Missing, MissingReason, ServerReading as Told } from './items.js'
import type { Lane } from './lane.js'
import type { LedgerEntry, Part } from './ledger.js'
import { explaining, lostAtBoth } from './losses.js'
import type { MessagesPlan } from './messages-query.js'
import type { ReaderLog } from './reader-log.js'
import type { Server } from './server.js'
import { ServerHistory } from './server-history.js'
import { ServerReading } from './server-reading.js'
import { Standing } from './standing.js'

export interface WaveParts {
  client: Pick<MailClient, 'history' | 'digest'>
  lane: Lane
  asked: AskedTopics
  plan: MessagesPlan
  log: ReaderLog
  display: Display
  now(): number
  signal: AbortSignal
}

/** Seconds: what was sent so lately may be on its way to a server. */
const GRACE = 120
const MOST_HASHES = 100

/** What came of asking for the topics of a lane. */
export interface LaneEnd {
  /** Whether a server was read to its end. */
  caughtUp: boolean
  /** `fetching` when it was not and may be. */
  completeness: 'complete' | 'irretrievable' | 'unknown' | 'fetching'
  missing: Missing[]
  servers: Told[]
  leftOut: LeftOut[]
}

/** Reads what servers have of the topics of a lane until nothing is missing that one of them has, or as far as it goes. */
export class Wave {
  readonly #parts: WaveParts
  readonly #told: Told[] = []
  readonly #compared = new Map<Server, ServerReading>()
  readonly #readings = new Map<Server, ServerReading>()
  /** How much those have that broke off. */
  readonly #left: Pick<Missing, 'count' | 'atMost'>[] = []

  constructor(parts: WaveParts) {
    this.#parts = parts
  }

  /** The servers one after the other, until one was read to its end; then, where there is reason to, what others have besides. */
  async *run(): AsyncGenerator<MailboxMessage, LaneEnd> {
    const { lane, plan } = this.#parts
    const order = lane.ordered
      ? lane.servers
      : [...lane.servers].sort(
          (a, b) => Number(a.legacy) - Number(b.legacy) || Standing.compare(a.standing, b.standing)
        )
    let main: Server | undefined
    for (const server of order) {
      const hasty = server !== order.at(-1)
      if (yield* this.#attempt(server, 'read', hasty, reading => reading.read())) {
        main = server
        break
      }
    }
    const reading = main && this.#readings.get(main)
    if (main === undefined || reading === undefined) return this.#behind()
    const others = order.slice(order.indexOf(main) + 1)
    let missing = reading.newlyLost
    if (plan.verified) missing = yield* this.#verify(main, others, missing)
    else if (missing.length > 0) missing = yield* this.#fill(others, missing)
    const unsaid = reading.unsaid && ![...this.#readings.values()].some(other => !other.unsaid)
    if (reading.withheld > 0)
      missing.push({ why: 'withheld', from: plan.since, until: this.#parts.now(), count: reading.withheld })
    return {
      caughtUp: true,
      completeness: missing.length > 0 ? 'irretrievable' : unsaid ? 'unknown' : 'complete',
      missing,
      servers: this.#told,
      leftOut: this.#leftOut()
    }
  }

  /** All servers against what was read: the one that it was read from last, since some may have reached it only meanwhile. */
  async *#verify(
    main: Server,
    others: readonly Server[],
    missing: Missing[]
  ): AsyncGenerator<MailboxMessage, Missing[]> {
    let left = missing
    let checks = 0
    for (const server of others) {
      if (checks >= this.#parts.lane.checks) break
      const compared = !server.legacy && (yield* this.#compare(server, undefined))
      if (compared) left = lostAtBoth(left, this.#readings.get(server)?.lost ?? [])
      // with a legacy server there is nothing to compare: what it has is fetched
      const read = server.legacy && (yield* this.#attempt(server, 'read', true, reading => reading.read()))
      if (compared || read) checks++
    }
    if (!main.legacy) yield* this.#compare(main, undefined)
    return left
  }

  /** What one server lacks of some times from the others. */
  async *#fill(others: readonly Server[], missing: Missing[]): AsyncGenerator<MailboxMessage, Missing[]> {
    let left = missing
    for (const server of others) {
      if (left.length === 0) break
      if (server.legacy) continue
      const part = {
        lower: Math.min(...left.map(({ from }) => from)),
        upper: Math.max(...left.map(({ until }) => until))
      }
      if (yield* this.#compare(server, part)) left = lostAtBoth(left, this.#readings.get(server)?.lost ?? [])
    }
    return left
  }

  async *#compare(server: Server, part: Part | undefined): AsyncGenerator<MailboxMessage, boolean> {
    let whole = true
    const compared = yield* this.#attempt(server, 'compared', true, async function* (reading) {
      whole = yield* reading.compare(part)
    })
    const reading = this.#readings.get(server)
    if (compared && reading !== undefined) this.#compared.set(server, reading)
    if (whole) return compared
    const error = new ComparisonError('the server says again and again that something differs, and has nothing new')
    const { withheld } = reading ?? {}
    this.#tell({ server: server.peer, how: 'failed', error, ...(withheld && { withheld }) })
    return false
  }

  /** Whether a server did what it was asked; what it said is told in any case. */
  async *#attempt(
    server: Server,
    how: 'read' | 'compared',
    hasty: boolean,
    act: (reading: ServerReading) => AsyncGenerator<MailboxMessage, unknown>
  ): AsyncGenerator<MailboxMessage, boolean> {
    const { client, lane, asked, plan, log, display, now, signal } = this.#parts
    const history = new ServerHistory({ client, server, topics: lane.topics, hasty, signal })
    const { since, sinceNamed: whole } = plan
    const reading = new ServerReading({ history, name: this.#nameOf(server), log, display, since, whole, now: now() })
    const told: Told = { server: server.peer, how }
    asked.add(server, lane)
    try {
      yield* act(reading)
      if (how === 'compared' || !this.#readings.has(server)) this.#readings.set(server, reading)
      if (reading.withheld > 0) told.withheld = reading.withheld
      this.#tell(told)
      return true
    } catch (error) {
      signal.throwIfAborted()
      if (reading.left !== undefined) this.#left.push(reading.left)
      if ((error as Error).name === 'IngestOrderError') server.legacy = true
      server.standing.failed()
      this.#tell({ ...told, how: 'failed', error: error as Error })
      return false
    }
  }

  /** One line for each server: that it was compared says more than that it was read. */
  #tell(told: Told): void {
    const at = this.#told.findIndex(({ server }) => server.equals(told.server))
    if (at < 0) this.#told.push(told)
    else this.#told[at] = told
  }

  #leftOut(): LeftOut[] {
    const result: LeftOut[] = []
    const { log, now } = this.#parts
    const before = now() - GRACE
    for (const [{ peer: server, standing }, { lost, lacking, hidden, denied, withheld }] of this.#compared) {
      const kinds = new Map<
        string,
        { evidence: Evidence; explained?: MissingReason | undefined; found: LedgerEntry[] }
      >()
      const add = (evidence: Evidence, entry: LedgerEntry): void => {
        // what others have may still be on its way to it
        if (evidence === 'others' && entry.sent >= before) return
        const explained = explaining(lost, entry.sent, evidence !== 'others')
        const name = `${evidence} ${explained}`
        const kind = kinds.get(name) ?? { evidence, ...(explained && { explained }), found: [] }
        kind.found.push(entry)
        kinds.set(name, kind)
      }
      for (const entry of lacking) add(log.ledger.isFrom(entry.hash, server) ? 'own-walk' : 'others', entry)
      for (const entry of denied.entries) add('own-walk', entry)
      for (const entry of hidden) add('own-digest', entry)
      for (const { found, ...kind } of kinds.values()) {
        const hashes = found.slice(0, MOST_HASHES).map(({ hash }) => toHex(hash))
        result.push({ server, ...kind, count: found.length, hashes })
      }
      const unnamed = denied.count - denied.entries.length
      if (unnamed > 0) result.push({ server, evidence: 'own-walk', count: unnamed, hashes: [] })
      const faultless = [...kinds.values()].every(({ explained }) => explained !== undefined)
      standing.compared(faultless && denied.count === 0 && withheld === 0)
    }
    return result
  }

  #behind(): LaneEnd {
    const { lane, plan, log, now } = this.#parts
    const refused = this.#told.every(({ error }) => isRefusal(error))
    const readAt = lane.servers.map(server => log.bookmark(this.#nameOf(server)).readAt ?? 0)
    const until = Math.min(now(), MAX_UINT32)
    const from = Math.min(Math.max(plan.since, ...readAt), until)
    // of several the one that has most
    const [left] = this.#left.sort((a, b) => (b.count ?? 0) - (a.count ?? 0) || (b.atMost ?? 0) - (a.atMost ?? 0))
    return {
      caughtUp: false,
      completeness: refused ? 'irretrievable' : 'fetching',
      missing: [{ why: refused ? 'refused' : 'unreachable', from, until, ...left }],
      servers: this.#told,
      leftOut: []
    }
  }

  /** What its bookmark is called. */
  #nameOf({ id }: Server): string {
    const { lane } = this.#parts
    return lane.id === '' ? id : `${id}-${lane.id}`
  }
}

const REFUSALS = new Set<unknown>([
  RequestErrorCode.undecryptable,
  RequestErrorCode.signature,
  RequestErrorCode.notAllowed
])
const UNTRUSTED = new Set(['UntrustedServerError', 'TrustRevokedError', 'ByteBudgetError'])

/** Whether asking again will not help, as far as one can tell. */
function isRefusal(error: Error | undefined): boolean {
  if (error === undefined) return false
  return UNTRUSTED.has(error.name) || (error.name === 'RequestError' && REFUSALS.has((error as { code?: number }).code))
}
