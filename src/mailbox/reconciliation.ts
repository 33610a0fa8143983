import { equalBytes, toHex } from '../wire/bytes.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { Coverage } from '../wire/request/coverage.js'
import { type DigestPart, fingerprintOf, MAX_HASHES } from '../wire/request/digest.js'
import type { Ledger, LedgerEntry, Part } from './ledger.js'
import type { ServerHistory } from './server-history.js'

/** What came of comparing a server with what was read. */
export interface Comparison {
  coverage: Coverage
  /** After all that was archived there when the comparison began. */
  cursor: string
  /** What was read and the server does not have. */
  lacking: LedgerEntry[]
  /** What it has and was not read: the first of it. */
  fetched: LedgerEntry[]
  /** How many envelopes it claimed to have and did not deliver. */
  withheld: number
  /** What it delivered and its digest, asked twice, does not have: their number, and those of them that can be told. */
  denied: { count: number; entries: LedgerEntry[] }
  /** Whether all parts were looked at. */
  whole: boolean
}

/** So few are fetched rather than looked at more closely. */
const FEW = 512
/** A server that makes it take longer is fetched from. */
const MAX_DIGESTS = 64
/** More than this is not looked into. */
const MOST_FETCHED = 65_536
/** So many times it says that something differs, and has nothing new: then the rest is not looked at. */
const MOST_IN_VAIN = 128
/** No longer than this either, ms. */
const PATIENCE = 60_000

/**
 * Compares what a server has of a range with what was read, by digests, and fetches just the parts that differ. Yields the envelopes
 * that are new; whoever takes them has them in the ledger before the next ones are asked for.
 *
 * @throws as `MailClient.history` and `MailClient.digest` do
 */
export async function* reconcile(
  history: ServerHistory,
  ledger: Ledger,
  whole: Part
): AsyncGenerator<Envelope[], Comparison> {
  const ranges: Part[] = [whole]
  const lacking: LedgerEntry[] = []
  const fetched: LedgerEntry[] = []
  let withheld = 0
  const denied: Comparison['denied'] = { count: 0, entries: [] }
  let first: { coverage: Coverage; cursor: string } | undefined
  let digests = 0
  let inVain = 0
  let useful = performance.now()
  for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) {
    const digest = await history.digest(range)
    digests++
    first ??= { coverage: digest.coverage, cursor: history.cursorAfter(digest) }
    const own = await ledger.fingerprints(digest.parts, digest.salt, history.topics)
    for (const [i, part] of digest.parts.entries()) {
      const sum = own[i]
      if (sum?.count === part.count && equalBytes(sum.bytes, fingerprintOf(part, digest.salt))) continue
      if (digests + ranges.length < MAX_DIGESTS && isWorthNarrowing(part, range, sum?.count ?? 0)) {
        ranges.push(part)
        continue
      }
      const there = new Set(part.hashes?.map(toHex))
      if (part.hashes === undefined || part.hashes.some(hash => !ledger.has(hash))) {
        const { delivered, damaged, fresh } = yield* fetch(history, ledger, part, fetched)
        if (fresh > 0) useful = performance.now()
        else inVain++
        for (const hash of delivered) there.add(hash)
        withheld += Math.max(0, part.count - delivered.size - damaged)
        if (part.hashes === undefined && delivered.size > part.count) {
          const found = await contradicted(history, ledger, part, delivered)
          denied.count += found.count
          denied.entries.push(...found.entries)
        }
      }
      lacking.push(...ledger.within(part, history.topics).filter(({ hash }) => !there.has(toHex(hash))))
      if (inVain >= MOST_IN_VAIN || performance.now() - useful > PATIENCE)
        return { ...first, lacking, fetched, withheld, denied, whole: false }
    }
  }
  if (first === undefined) throw new Error('nothing was compared')
  return { ...first, lacking, fetched, withheld, denied, whole: true }
}

/** Whether it has many, of which most are known. */
function isWorthNarrowing({ lower, upper, count, hashes }: DigestPart, range: Part, own: number): boolean {
  const narrower = lower > range.lower || upper < range.upper
  return hashes === undefined && count > FEW && 2 * own >= count && narrower && upper > lower
}

async function* fetch(
  history: ServerHistory,
  ledger: Ledger,
  part: Part,
  fetched: LedgerEntry[]
): AsyncGenerator<Envelope[], { delivered: Set<string>; damaged: number; fresh: number }> {
  const delivered = new Set<string>()
  let damaged = 0
  let count = 0
  for await (const page of history.sent(part)) {
    damaged += page.damaged
    for (const { hashHex } of page.envelopes) delivered.add(hashHex)
    const fresh = page.envelopes.filter(({ hash }) => !ledger.has(hash))
    // copies: the bytes of an envelope lie in those of its whole page
    const entries = fresh
      .slice(0, MOST_FETCHED - fetched.length)
      .map(({ sent, hash }) => ({ sent, hash: hash.slice() }))
    fetched.push(...entries)
    count += fresh.length
    if (fresh.length > 0) yield fresh
  }
  return { delivered, damaged, fresh: count }
}

/** Looks again at a part of which a server delivered more than its digest counts: something may have come meanwhile. */
async function contradicted(
  history: ServerHistory,
  ledger: Ledger,
  part: Part,
  delivered: ReadonlySet<string>
): Promise<Comparison['denied']> {
  // in one part it names all of so few
  const { parts } = await history.digest(part, delivered.size <= MAX_HASHES ? 1 : undefined)
  const count = Math.max(0, delivered.size - parts.reduce((sum, again) => sum + again.count, 0))
  const hashes = parts.length === 1 ? parts[0]?.hashes : undefined
  if (hashes === undefined) return { count, entries: [] }
  const there = new Set(hashes.map(toHex))
  const names = ({ hash }: LedgerEntry): boolean => delivered.has(toHex(hash)) && !there.has(toHex(hash))
  const entries = ledger.within(part, history.topics).filter(names)
  return { count: entries.length, entries }
}
