import type { TrustList } from '../trust/trust-list.js'
import type { MailLine } from '../waku/mail-exchange.js'
import type { Miner } from '../waku/miner.js'
import type { Packet } from '../waku/packet-channel.js'
import type { Tally } from '../waku/tally.js'
import { equalBytes, toHex } from '../wire/bytes.js'
import { MalformedError } from '../wire/errors.js'
import type { Dialect, HistoryRequest } from '../wire/history-request.js'
import { PacketCode } from '../wire/packet-code.js'
import type { RequestComplete } from '../wire/request-complete.js'
import { RequestError } from '../wire/request-error.js'
import type { MailClientEvent } from './counters.js'
import {
  ByteBudgetError,
  HistoryTimeoutError,
  LineBrokenError,
  MisbehavingServerError,
  TrustRevokedError
} from './errors.js'
import type { ExpiredRequests } from './expired-requests.js'
import { PageCollector, type PageRules } from './page-collector.js'
import { sealRequest } from './request-seal.js'
import type { MailClientSettings } from './settings.js'
import { Watchdog } from './watchdog.js'

/** What all requests of the client share. */
export interface PageRequestParts {
  trust: TrustList
  tally: Tally<MailClientEvent>
  miner: Miner
  settings: MailClientSettings
  expired: ExpiredRequests
}

/** What one request says and how it is sealed. */
export interface PageQuestion {
  request: HistoryRequest
  dialect: Dialect
  rules: PageRules
  key: Uint8Array
  signWith: Uint8Array | undefined
  pow: number
}

/** One request and its answer: one exchange on a line. */
export class PageRequest {
  /** Packets that came. */
  packets = 0
  /** Hash of the request envelope, once it is sealed. */
  requestId: Uint8Array | undefined
  readonly collector: PageCollector
  readonly #line: MailLine
  readonly #question: PageQuestion
  readonly #parts: PageRequestParts

  constructor(line: MailLine, question: PageQuestion, parts: PageRequestParts) {
    this.#line = line
    this.#question = question
    this.#parts = parts
    this.collector = new PageCollector(question.rules)
  }

  /**
   * Asks, and resolves when the completion came. Whatever is thrown, the line is of no further use, except after a
   * RequestError.
   *
   * @throws {RequestError} what the server refused, by its code
   * @throws {MisbehavingServerError}
   * @throws {HistoryTimeoutError}
   * @throws {LineBrokenError}
   * @throws {TrustRevokedError}
   * @throws {ByteBudgetError}
   */
  async run(signal: AbortSignal): Promise<void> {
    const { settings, tally, miner, expired } = this.#parts
    const { codec } = this.#line
    const sealing = { ...this.#question, miner, codec, ttl: settings.ttl, now: settings.now(), signal }
    const envelope = await sealRequest(this.#question.request, sealing)
    this.requestId = envelope.hash
    tally.add('requests')
    const watchdog = new Watchdog({ first: settings.firstTimeout, overall: settings.pageTimeout }, signal)
    try {
      for await (const packet of this.#line.exchange(envelope.raw, { signal: watchdog.signal })) {
        this.packets++
        if (this.#take(packet, envelope.hash)) return
        if (packet.code === PacketCode.P2PMessage) watchdog.feed(settings.idleTimeout)
      }
      throw new LineBrokenError('the server ended the line before its answer was complete')
    } catch (error) {
      if (error instanceof HistoryTimeoutError) {
        expired.add(envelope.hashHex)
        tally.add('requests_expired')
      }
      throw error
    } finally {
      watchdog.stop()
    }
  }

  /** @returns whether that was the completion */
  #take({ code, body }: Packet, requestId: Uint8Array): boolean {
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
    if (code === PacketCode.RequestComplete) return this.#complete(body, requestId)
    if (!trust.spend(this.#line.peer, body.length)) {
      tally.add('budgets_exhausted')
      throw new ByteBudgetError('the byte budget of the server is used up')
    }
    tally.add('bytes', body.length)
    this.collector.message(body)
    return false
  }

  #complete(body: Uint8Array, requestId: Uint8Array): boolean {
    const { tally, expired } = this.#parts
    const complete = this.#decode(body)
    if (!equalBytes(complete.requestId, requestId)) {
      tally.add(expired.has(toHex(complete.requestId)) ? 'completions_late' : 'completions_foreign')
      return false
    }
    const { error } = complete
    if (error !== undefined) {
      tally.add('requests_refused')
      throw new RequestError(error.code, error.text, { retryAfter: error.retryAfter })
    }
    this.collector.complete(complete)
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
