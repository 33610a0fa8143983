import type { MailClient } from '../mailclient/mail-client.js'
import { MAX_UINT32, toHex } from '../wire/bytes.js'
import { RequestErrorCode } from '../wire/request/request-error.js'
import type { Display } from './display.js'
import type { Behind, CaughtUp, LeftOut, MailboxMessage, Missing, ServerReading as Told } from './items.js'
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
  servers: readonly Server[]
  plan: MessagesPlan
  log: ReaderLog
  display: Display
  now(): number
  signal: AbortSignal
}

/** Seconds: what was sent so lately may be on its way to a server. */
const GRACE = 120
const MOST_HASHES = 100

/** Reads what servers have until nothing is missing that one of them has, or as far as it goes. */
export class Wave {
  readonly #parts: WaveParts
  readonly #told: Told[] = []
  readonly #lacking = new Map<Server, LedgerEntry[]>()
  readonly #readings = new Map<Server, ServerReading>()
  /** How much those have that broke off, at most. */
  readonly #left: number[] = []

  constructor(parts: WaveParts) {
    this.#parts = parts
  }

  /** The servers one after the other, until one was read to its end; then, where there is reason to, what others have besides. */
  async *run(): AsyncGenerator<
    MailboxMessage,
    Omit<CaughtUp, 'wave' | 'messages'> | Omit<Behind, 'wave' | 'messages' | 'retryIn'>
  > {
    const order = [...this.#parts.servers].sort(
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
    if (this.#parts.plan.verified) missing = yield* this.#verify(main, others, missing)
    else if (missing.length > 0) missing = yield* this.#fill(others, missing)
    const unsaid = reading.unsaid && ![...this.#readings.values()].some(other => !other.unsaid)
    if (reading.withheld > 0)
      missing.push({ why: 'withheld', from: this.#parts.plan.since, until: this.#parts.now(), count: reading.withheld })
    return {
      type: 'caughtUp',
      completeness: missing.length > 0 ? 'irretrievable' : unsaid ? 'unknown' : 'complete',
      missing,
      servers: this.#told,
      leftOut: this.#leftOut(),
      unopened: this.#parts.display.unopened,
      ...(this.#parts.plan.anonymity && { anonymity: this.#parts.plan.anonymity })
    }
  }

  /** All servers against what was read: the one that it was read from last, since some may have reached it only meanwhile. */
  async *#verify(
    main: Server,
    others: readonly Server[],
    missing: Missing[]
  ): AsyncGenerator<MailboxMessage, Missing[]> {
    let left = missing
    for (const server of [...others, main]) {
      const compared = !server.legacy && (yield* this.#compare(server, undefined))
      if (compared && server !== main) left = lostAtBoth(left, this.#readings.get(server)?.lost ?? [])
      // with a legacy server there is nothing to compare: what it has is fetched
      if (server.legacy && server !== main) yield* this.#attempt(server, 'read', true, reading => reading.read())
    }
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
    const { now } = this.#parts
    const lacking: LedgerEntry[] = []
    const compared = yield* this.#attempt(server, 'compared', true, async function* (reading) {
      lacking.push(...(yield* reading.compare(part)).lacking)
    })
    if (!compared) return false
    const before = now() - GRACE
    this.#lacking.set(
      server,
      lacking.filter(({ sent }) => sent < before)
    )
    return true
  }

  /** Whether a server did what it was asked; what it said is told in any case. */
  async *#attempt(
    server: Server,
    how: 'read' | 'compared',
    hasty: boolean,
    act: (reading: ServerReading) => AsyncGenerator<MailboxMessage, void>
  ): AsyncGenerator<MailboxMessage, boolean> {
    const { client, plan, log, display, now, signal } = this.#parts
    const history = new ServerHistory({ client, server, topics: plan.topics, hasty, signal })
    const reading = new ServerReading({ history, log, display, since: plan.since, whole: plan.sinceNamed, now: now() })
    const told: Told = { server: server.peer, how }
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
    for (const [server, entries] of this.#lacking) {
      const lost = this.#readings.get(server)?.lost ?? []
      const groups = grouped(entries, ({ sent }) => explaining(lost, sent))
      for (const [explained, group] of groups) {
        const hashes = group.slice(0, MOST_HASHES).map(({ hash }) => toHex(hash))
        result.push({ server: server.peer, count: group.length, hashes, ...(explained && { explained }) })
      }
      server.standing.compared(!groups.has(undefined) && (this.#readings.get(server)?.withheld ?? 0) === 0)
    }
    return result
  }

  #behind(): Omit<Behind, 'wave' | 'messages' | 'retryIn'> {
    const { servers, plan, log, now } = this.#parts
    const refused = this.#told.every(({ error }) => isRefusal(error))
    const readAt = servers.map(({ id }) => log.bookmark(id).readAt ?? 0)
    const until = Math.min(now(), MAX_UINT32)
    const from = Math.min(Math.max(plan.since, ...readAt), until)
    return {
      type: 'behind',
      completeness: refused ? 'irretrievable' : 'fetching',
      missing: [
        {
          why: refused ? 'refused' : 'unreachable',
          from,
          until,
          ...(this.#left.length > 0 && { atMost: Math.max(...this.#left) })
        }
      ],
      servers: this.#told
    }
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

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return groups
}
