import type { Logger } from '@libp2p/interface'
import { doubled } from '../base/back-off.js'
import type { PostResult } from '../waku/message.js'
import type { Waku } from '../waku/waku.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { Bell } from './bell.js'
import type { Conversations } from './conversations.js'
import type { SealedLetter } from './letter.js'
import type { Outbox } from './outbox.js'
import type { LetterChange, LetterRefusal } from './sent-letter.js'
import type { Server } from './server.js'
import { LONGEST_PAUSE } from './settings.js'
import { Standing } from './standing.js'

export interface SenderParts {
  waku: Pick<Waku, 'post'>
  outbox: Outbox
  servers: readonly Server[]
  conversations: Pick<Conversations, 'has'>
  now(): number
  log: Logger
  /** ms */
  backoff: number
  onChange(change: LetterChange): void
  onTrouble(error: Error): void
}

/** Pauses after which a letter is tried again that was not confirmed, ms. */
const REFUSED_PAUSE = 30_000
const LONGEST_REFUSED_PAUSE = 3_600_000
/** Other tabs may have written something, ms. */
const LOOK = 5_000
/** Seconds that an envelope has to live on for it to be sent once more. */
const MARGIN = 5
/** The code of a confirmation that means that the clocks differ, or that it took too long. */
const TIME = 1

interface Attempts {
  count: number
  /** Not before, by `performance.now()`. */
  next: number
  refused: boolean
}

/** Sends what is in the outbox, the oldest first, to the servers that there is a conversation with. */
export class Sender {
  readonly #parts: SenderParts
  readonly #bell = new Bell()
  readonly #attempts = new Map<string, Attempts>()
  /** Envelopes that were mined and live on. */
  readonly #mined = new Map<string, Envelope>()

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  /** There is something new to send. */
  ring(): void {
    this.#bell.ring()
  }

  /** A server was reached: what only waited for one is tried at once. */
  reached(): void {
    for (const attempts of this.#attempts.values()) if (!attempts.refused) attempts.next = 0
    this.#bell.ring()
  }

  /** Until the signal aborts: throws its reason. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      let pause = LOOK
      try {
        pause = Math.min(pause, await this.#round(signal))
      } catch (error) {
        signal.throwIfAborted()
        this.#parts.onTrouble(error as Error)
      }
      await this.#bell.wait(pause, signal)
    }
  }

  /** All letters once. How long until one of them is due, ms. */
  async #round(signal: AbortSignal): Promise<number> {
    const { outbox } = this.#parts
    const ids = await outbox.ids()
    for (const known of [this.#attempts, this.#mined]) {
      for (const id of known.keys()) if (!ids.includes(id)) known.delete(id)
    }
    const silent = new Set<Server>()
    let next = Number.POSITIVE_INFINITY
    for (const id of ids) {
      signal.throwIfAborted()
      const due = (this.#attempts.get(id)?.next ?? 0) - performance.now()
      if (due <= 0) await this.#send(id, silent, signal)
      const left = (this.#attempts.get(id)?.next ?? Number.POSITIVE_INFINITY) - performance.now()
      next = Math.min(next, Math.max(0, left))
    }
    return next
  }

  /** @param silent servers that did not answer in this round: each of their answers would cost a whole deadline */
  async #send(id: string, silent: Set<Server>, signal: AbortSignal): Promise<void> {
    const { outbox, conversations, servers, onChange } = this.#parts
    const letter = await this.#read(id)
    // an earlier run may have ended between the two steps of settling it
    if (letter === undefined || (await outbox.settled(id)) !== undefined) return void (await outbox.remove(id))
    const refusals: LetterRefusal[] = []
    const tell = (state: LetterChange['state'], hash?: string): void =>
      onChange({ id, state, confirmedBy: [...letter.confirmedBy], refusals, ...(hash !== undefined && { hash }) })
    const open = servers.filter(server => !letter.confirmedBy.includes(server.id))
    const reached = open.filter(server => conversations.has(server) && !silent.has(server))
    if (reached.length > 0) tell('sending')
    for (const server of reached.sort((a, b) => Standing.compare(a.standing, b.standing))) {
      if (letter.confirmedBy.length >= letter.wanted) break
      const said = await this.#post(id, letter, server, signal)
      if (said === 'confirmed') {
        letter.confirmedBy.push(server.id)
        if (letter.confirmedBy.length < letter.wanted) await outbox.update(id, letter)
      } else if (said === 'unanswered') silent.add(server)
      else if (said !== 'unreached') refusals.push(said)
    }
    if (letter.confirmedBy.length >= letter.wanted) {
      await outbox.settle(id, letter.confirmedBy)
      const hash = this.#mined.get(id)?.hashHex
      this.#mined.delete(id)
      this.#attempts.delete(id)
      return tell('confirmed', hash)
    }
    const refused = refusals.length > 0 && refusals.length === open.length
    this.#postpone(id, refused)
    tell(refused ? 'refused' : 'waiting')
  }

  /** One that is damaged is told of, and taken out: it would never be sent. */
  async #read(id: string): Promise<SealedLetter | undefined> {
    try {
      return await this.#parts.outbox.get(id)
    } catch (error) {
      if ((error as Error).name !== 'MalformedError') throw error
      this.#parts.onTrouble(error as Error)
      return undefined
    }
  }

  async #post(
    id: string,
    letter: SealedLetter,
    server: Server,
    signal: AbortSignal
  ): Promise<'confirmed' | 'unanswered' | 'unreached' | LetterRefusal> {
    const { peer } = server
    // one that expired meanwhile, or that asks for more work than this server does, is mined anew
    for (let fresh = !this.#lives(id); ; fresh = true) {
      let result: PostResult
      try {
        const { topic, data: payload, ttl } = letter
        const envelope = fresh ? undefined : this.#mined.get(id)
        const { waku } = this.#parts
        result = await waku.post(envelope === undefined ? { topic, payload, ttl, to: peer } : { envelope, to: peer }, {
          signal
        })
      } catch (error) {
        signal.throwIfAborted()
        const { name, message } = error as Error
        this.#parts.log.trace('a letter was not posted - %e', error)
        if (GONE.has(name)) return 'unreached'
        if (fresh) return { server: peer, text: message }
        continue
      }
      this.#mined.set(id, result.envelope)
      const refusal = result.refused.find(one => one.peer.equals(peer))
      if (result.confirmed.some(one => one.equals(peer))) return 'confirmed'
      if (refusal === undefined) return 'unanswered'
      if (refusal.code !== TIME || fresh) return { server: peer, code: refusal.code, text: refusal.text }
    }
  }

  #lives(id: string): boolean {
    const envelope = this.#mined.get(id)
    return envelope !== undefined && envelope.expiry - MARGIN > this.#parts.now()
  }

  #postpone(id: string, refused: boolean): void {
    const before = this.#attempts.get(id)
    const count = before?.refused === refused ? before.count + 1 : 0
    const { backoff } = this.#parts
    const pauses = refused
      ? { first: REFUSED_PAUSE, longest: LONGEST_REFUSED_PAUSE }
      : { first: backoff, longest: LONGEST_PAUSE }
    this.#attempts.set(id, { count, next: performance.now() + doubled(count, pauses), refused })
  }
}

/** The conversation, or the node, ended. */
const GONE = new Set(['NotConnectedError', 'SessionOverError', 'WakuStoppedError'])
