import type { PeerId } from '@libp2p/interface'
import { raceSignal } from 'race-signal'
import { anySignal } from '../base/any-signal.js'
import { describe } from '../wire/checks.js'
import { Envelope } from '../wire/envelope/envelope.js'
import { checkOptions } from '../wire/options.js'
import { batchHash, encodeMessages } from '../wire/packet/messages.js'
import { refusalOf } from './confirmations.js'
import { InvalidPostError, NoConfirmationsError, NotConnectedError, UnwantedEnvelopeError } from './errors.js'
import { meetsPow } from './feed.js'
import type { Intake } from './intake.js'
import { type Message, type PostResult, type SealedMessage, sealMessage } from './message.js'
import type { Miner } from './miner.js'
import type { OwnStatus } from './own-status.js'
import type { Peers } from './peers.js'
import { judgeForm } from './rules.js'
import type { Session } from './session.js'
import type { Settings } from './settings.js'

export interface PosterParts {
  own: OwnStatus
  settings: Settings
  peers: Peers
  intake: Intake
  miner: Miner
}

const NAMES = { topic: 1, payload: 1, key: 1, signWith: 1, ttl: 1, pow: 1, to: 1 } satisfies Record<keyof Message, 1>
const SEALED_NAMES = { envelope: 1, to: 1 } satisfies Record<keyof SealedMessage, 1>

/** What deployed Whisper and Waku nodes may ask of an envelope … */
const USUAL_POW = 0.002
/** … unless it holds so many bytes of data or more. */
const LARGE_DATA = 50_000

function sealed({ envelope }: SealedMessage): Envelope {
  if (envelope instanceof Envelope) return envelope
  throw new InvalidPostError(`an envelope is an Envelope, as decodeEnvelope makes it, not ${describe(envelope)}`)
}

/** Posts envelopes of our own and collects what their receivers say. */
export class Poster {
  readonly #parts: PosterParts

  constructor(parts: PosterParts) {
    this.#parts = parts
  }

  async post(
    message: Message | SealedMessage,
    to: PeerId | undefined,
    options: { signal?: AbortSignal | undefined; timeout?: number | undefined } = {}
  ): Promise<PostResult> {
    const { intake, settings } = this.#parts
    checkOptions(options, 'what is said beside a message', { signal: 1, timeout: 1 }, InvalidPostError)
    checkOptions(message, 'a message', 'envelope' in message ? SEALED_NAMES : NAMES, InvalidPostError)
    if (to !== undefined) this.#confirmingSession(to)
    const envelope = 'envelope' in message ? sealed(message) : await this.#seal(message, to, options.signal)
    const wrong = judgeForm(envelope, settings.now(), settings)
    if (wrong !== undefined) throw new InvalidPostError(wrong.text)

    const receivers = to === undefined ? this.#interested(envelope) : [this.#receiver(to, envelope)]
    intake.takeOwn(envelope, { offer: to === undefined, knownBy: receivers.map(({ slot }) => slot) })
    const result: PostResult = { envelope, sent: [], confirmed: [], refused: [], unanswered: [] }
    const deadline = AbortSignal.timeout(options.timeout ?? settings.postTimeout)
    const signal = options.signal === undefined ? deadline : anySignal([options.signal, deadline])
    // each receiver's is one of its own: all of them would listen on the same
    const deliver = (session: Session): Promise<void> =>
      this.#deliver(session, envelope, to !== undefined, result, anySignal([signal]))
    await Promise.all(receivers.map(deliver))
    options.signal?.throwIfAborted()
    return result
  }

  async #seal(message: Message, to: PeerId | undefined, signal: AbortSignal | undefined): Promise<Envelope> {
    const { own, settings, miner, peers } = this.#parts
    const fields = sealMessage(message, settings.now(), settings.maxTtl)
    const asked = to === undefined ? 0 : (peers.active(to)?.pow ?? 0)
    const usual = fields.data.length < LARGE_DATA ? USUAL_POW : 0
    return await miner.mine(fields, message.pow ?? Math.max(own.pow, asked, usual), { signal })
  }

  #confirmingSession(to: PeerId): Session {
    const session = this.#parts.peers.active(to)
    if (session === undefined) throw new NotConnectedError('there is no conversation with that peer')
    if (!session.confirms) {
      throw new NoConfirmationsError('that peer does not confirm what it receives')
    }
    return session
  }

  #receiver(to: PeerId, envelope: Envelope): Session {
    const session = this.#confirmingSession(to)
    if (session.wants(envelope)) return session
    const pow = meetsPow(envelope, session.pow)
    throw new UnwantedEnvelopeError(
      pow ? 'that peer does not want this topic' : 'that peer asks for more proof of work'
    )
  }

  /** Those that are sent it now; the others may still be offered it from the pool, when they change their minds. */
  #interested(envelope: Envelope): Session[] {
    // dated ahead it waits in the pool for its time
    if (envelope.sent > this.#parts.settings.now()) return []
    return this.#parts.peers.allActive().filter(session => session.wants(envelope))
  }

  async #deliver(
    first: Session,
    envelope: Envelope,
    asked: boolean,
    result: PostResult,
    signal: AbortSignal
  ): Promise<void> {
    const body = encodeMessages([envelope.raw])
    const batch = batchHash(body)
    let session: Session | undefined = first
    let sent = false
    let handedOver = false
    // when one of two conversations with the peer gives way, the other one takes over
    for (let attempt = 0; attempt < 2 && session !== undefined; attempt++) {
      const { peer } = session
      const expected = session.confirms ? session.confirmations.expect(batch) : undefined
      try {
        await raceSignal(session.room(), signal)
        handedOver = true
        await raceSignal(session.sendOwn(body), signal)
        if (!sent && (asked || !session.light)) result.sent.push(peer)
        sent = true
        if (expected === undefined) return
        const refusal = refusalOf(await raceSignal(expected.refused, signal), envelope.hash)
        if (refusal === undefined) result.confirmed.push(peer)
        else result.refused.push({ peer, code: refusal.code, text: refusal.text })
        return
      } catch {
        if (signal.aborted) break
        handedOver = false
        const other = this.#parts.peers.active(peer)
        session = other === session ? undefined : other
      } finally {
        expected?.forget()
      }
    }
    // what was handed over is sent as soon as the peer reads; the rest is left to forwarding
    if (!sent && !handedOver) this.#parts.intake.missed(envelope, first.slot)
    if (first.confirms) result.unanswered.push(first.peer)
  }
}
