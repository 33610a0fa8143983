import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import { equalBytes } from '../wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../wire/envelope/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { keccak256 } from '../wire/keccak.js'
import { decodeCursor } from '../wire/request/cursor.js'
import type { RlpItem } from '../wire/rlp.js'
import { MisbehavingServerError } from './errors.js'
import { foreignAllowance, type PageAnswer } from './page-answer.js'
import { compare, type IngestOrder, PageOrder, type Position } from './page-order.js'

/** What one request may bring. */
export interface PageRules {
  /** Bounds of `sent`, Unix seconds, inclusive. */
  lower: number
  upper: number
  /** Most envelopes. */
  limit: number
  /** Whether the request asked for its topic. */
  asked(envelope: Pick<Envelope, 'topic' | 'topicNumber'>): boolean
  /** Whether the application wants it; where the dialect cannot say which topics, more is asked for than wanted. */
  wants(envelope: Pick<Envelope, 'topic' | 'topicNumber'>): boolean
  /** Whether the completion has to name the very last envelope that came. */
  strict: boolean
  /** Whether the server sends all of a time from old to new, whatever the limit: such a page may be empty, or cut short. */
  streamed: boolean
  /** What came before, when the page comes in the order of ingest: then in no order of time. */
  ingest: IngestOrder | undefined
  position: Position
}

export interface JudgedPage {
  envelopes: Envelope[]
  /** Envelopes dropped since they were not asked for, were no envelopes, or came before. */
  foreign: number
  /** Envelopes dropped since the dialect could not leave them out. */
  beside: number
  /** Where the walk stands after this page, when more exists. */
  position?: Position | undefined
}

/**
 * Holds every envelope of an answer against what was asked for.
 *
 * @throws {MisbehavingServerError}
 */
export async function judgePage(answer: PageAnswer, rules: PageRules): Promise<JudgedPage> {
  const { limit, wants, streamed, position } = rules
  const order =
    rules.ingest ?? new PageOrder(streamed && position.after !== undefined ? { ...position, direction: 1 } : position)
  const page: JudgedPage = { envelopes: [], foreign: 0, beside: 0 }
  for (const items of answer.bodies) {
    for (const item of items) {
      const envelope = judge(item, rules, order)
      if (envelope === undefined) page.foreign++
      else if (wants(envelope)) page.envelopes.push(envelope)
      else page.beside++
      if (turnIsOver()) await pause()
    }
    if (page.foreign > foreignAllowance(limit)) {
      throw new MisbehavingServerError('foreign', 'too many envelopes came that were not asked for')
    }
    if (page.envelopes.length + page.beside > limit) {
      throw new MisbehavingServerError('limit', `more than ${limit} envelopes came`)
    }
    // that takes a while; the next page may be coming in
    await pause()
  }
  const { lastHash, cursor } = answer.complete ?? {}
  if (rules.strict && !equalBytes(lastHash ?? NO_HASH, hashOfLast(answer))) {
    throw new MisbehavingServerError('last-hash', 'the completion names another last envelope than came')
  }
  if (cursor !== undefined && order instanceof PageOrder) page.position = endOf(order, cursor, rules)
  // so that a page can be cut at its limit, with a cursor there
  if (streamed) page.envelopes.sort(compare)
  return page
}

const NO_HASH: Uint8Array = new Uint8Array(32)

function judge(
  item: RlpItem,
  { lower, upper, asked }: PageRules,
  order: Pick<PageOrder, 'accept'>
): Envelope | undefined {
  try {
    const envelope = decodeEnvelope(item.raw)
    const { sent } = envelope
    if (sent < lower || sent > upper || !asked(envelope)) return undefined
    return order.accept(envelope) ? envelope : undefined
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

function hashOfLast({ bodies }: PageAnswer): Uint8Array {
  const last = bodies.findLast(items => items.length > 0)?.at(-1)
  return last === undefined ? NO_HASH : keccak256(last.raw)
}

function endOf(order: PageOrder, cursor: Uint8Array, { lower, upper }: PageRules): Position {
  const position = order.end(cursor)
  const { sent } = decodeCursor(cursor)
  if (sent < lower || sent > upper) throw new MisbehavingServerError('cursor', 'the cursor lies outside the range')
  return position
}
