import type { Tally } from '../base/tally.js'
import type { TrustList } from '../trust/trust-list.js'
import { LineBrokenError } from '../waku/mail-errors.js'
import type { MailLine } from '../waku/mail-exchange.js'
import type { Miner } from '../waku/miner.js'
import type { Packet } from '../waku/packet-channel.js'
import type { RecentHashes } from '../waku/recent-hashes.js'
import { equalBytes, toHex } from '../wire/bytes.js'
import { MalformedError } from '../wire/errors.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { DIALECTS } from '../wire/request/dialect.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import { RequestError } from '../wire/request/request-error.js'
import type { MailClientEvent } from './counters.js'
import {
  ByteBudgetError,
  HistoryTimeoutError,
  MisbehavingServerError,
  SilentServerError,
  TrustRevokedError
} from './errors.js'
import { PageAnswer } from './page-answer.js'
import type { PageQuestion } from './page-question.js'
import { composeRequest } from './request-seal.js'
import type { MailClientSettings } from './settings.js'
import { Watchdog } from './watchdog.js'

/** What all requests of the client share. */
export interface PageRequestParts {
  trust: TrustList
  tally: Tally<MailClientEvent>
  miner: Miner
  settings: MailClientSettings
  /** Given up lately, so that an answer that comes after all is known for what it is. */
  expired: RecentHashes
}

/** One request and its answer: one exchange on a line. */
export class PageRequest {
  /** Packets that came. */
  packets = 0
  /** As far as it came; undefined before the request was written. */
  answer: PageAnswer | undefined
  readonly #line: MailLine
  readonly #question: PageQuestion
  readonly #parts: PageRequestParts

  constructor(line: MailLine, question: PageQuestion, parts: PageRequestParts) {
    this.#line = line
    this.#question = question
    this.#parts = parts
  }

  /**
   * Asks, and resolves with the answer when its completion came, or (in a form that some servers leave without one) when the server fell
   * silent. Whatever is thrown, the line is of no further use, except after a RequestError.
   *
   * @throws {RequestError} what the server refused, by its code
   * @throws {MisbehavingServerError}
   * @throws {HistoryTimeoutError}
   * @throws {SilentServerError}
   * @throws {LineBrokenError}
   * @throws {TrustRevokedError}
   * @throws {ByteBudgetError}
   */
  async run(signal: AbortSignal): Promise<PageAnswer> {
    const { settings, tally, miner, expired } = this.#parts
    const { codec, network } = this.#line
    const { request, dialect, sealing, signWith, pow, rules } = this.#question
    const how = { ...sealing, dialect, signWith, pow, miner, codec, ttl: settings.ttl, now: settings.now(), signal }
    const asked = await composeRequest(request, how)
    const answer = new PageAnswer(asked.id, { limit: rules.limit, maxBytes: settings.maxRequestBytes })
    this.answer = answer
    let sent = false
    const quiet = DIALECTS[dialect].silentEnd && network === 'devp2p' ? settings.quietTime : undefined
    tally.add('requests')
    const watchdog = new Watchdog({ first: settings.firstTimeout, overall: settings.pageTimeout }, signal)
    const onSent = (): void => {
      sent = true
      // a server is silent from when it was asked, not while an answer that was given up is read to its end
      if (quiet !== undefined) watchdog.feed(settings.firstTimeout)
    }
    try {
      for await (const packet of this.#line.exchange(asked.body, { signal: watchdog.signal, quiet, onSent })) {
        this.packets++
        const before = answer.count
        if (this.#take(packet, answer)) return answer
        // an empty 0x7f brings the answer no further
        if (answer.count > before) watchdog.feed(settings.idleTimeout)
      }
      if (quiet !== undefined && this.packets > 0) return answer
      throw new LineBrokenError('the server ended the line before its answer was complete')
    } catch (error) {
      if (!(error instanceof HistoryTimeoutError)) throw error
      expired.add(toHex(asked.id))
      tally.add('requests_expired')
      if (quiet === undefined || !sent || this.packets > 0) throw error
      throw new SilentServerError('the server sent nothing: it has nothing of this, or it refused')
    } finally {
      watchdog.stop()
    }
  }

  /** @returns whether that was the completion */
  #take({ code, body }: Packet, answer: PageAnswer): boolean {
    const { trust, tally } = this.#parts
    if (code !== PacketCode.P2PMessage && code !== PacketCode.RequestComplete) {
      tally.add('packets_unknown')
      return false
    }
    // nothing of a peer that is not trusted is decoded
    if (!trust.has(this.#line.peer)) {
      tally.add('packets_untrusted')
      throw new TrustRevokedError('the server is no longer trusted')
    }
    if (code === PacketCode.RequestComplete) return this.#complete(body, answer)
    if (!trust.spend(this.#line.peer, body.length)) {
      tally.add('budgets_exhausted')
      throw new ByteBudgetError('the byte budget of the server is used up')
    }
    tally.add('bytes', body.length)
    answer.add(body)
    return false
  }

  #complete(body: Uint8Array, answer: PageAnswer): boolean {
    const { tally, expired } = this.#parts
    const complete = this.#decode(body)
    if (!equalBytes(complete.requestId, answer.requestId)) {
      tally.add(expired.has(toHex(complete.requestId)) ? 'completions_late' : 'completions_foreign')
      return false
    }
    const { error } = complete
    if (error !== undefined) {
      tally.add('requests_refused')
      throw new RequestError(error.code, error.text, { retryAfter: error.retryAfter })
    }
    answer.complete = complete
    return true
  }

  #decode(body: Uint8Array): RequestComplete {
    try {
      return this.#line.codec.decodeComplete(body)
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw cause
      throw new MisbehavingServerError('malformed', 'a completion cannot be read', { cause })
    }
  }
}
