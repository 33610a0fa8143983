import type { PeerId } from '@libp2p/interface'
import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import type { MailboxMessage } from './items.js'
import { entryOf } from './ledger.js'
import type { MessagesPlan } from './messages-query.js'
import { openedBy } from './opener.js'
import type { ReaderLog } from './reader-log.js'

/** Where envelopes came from. */
export interface Origin {
  historic: boolean
  peer?: PeerId | undefined
}

/** Turns envelopes into messages, each of them once. */
export class Display {
  /** Envelopes that no key opened. */
  unopened = 0
  messages = 0
  readonly #plan: Pick<MessagesPlan, 'openers' | 'since'>
  readonly #log: ReaderLog

  constructor(plan: Pick<MessagesPlan, 'openers' | 'since'>, log: ReaderLog) {
    this.#plan = plan
    this.#log = log
  }

  /** An envelope counts as gone through when whoever reads comes back for more, or leaves. */
  async *show(envelopes: readonly Envelope[], origin: Origin): AsyncGenerator<MailboxMessage, void> {
    const { ledger } = this.#log
    for (const envelope of envelopes) {
      if (envelope.sent < this.#plan.since || ledger.has(envelope.hash)) continue
      const entry = entryOf(envelope, origin.historic ? origin.peer : undefined)
      const message = ledger.hasData(entry) ? undefined : this.#open(envelope, origin)
      try {
        if (message !== undefined) yield message
      } finally {
        this.#log.add(entry)
      }
      if (turnIsOver()) await pause()
    }
  }

  #open(envelope: Envelope, { historic, peer }: Origin): MailboxMessage | undefined {
    const openers = this.#plan.openers.get(envelope.topicNumber)
    if (openers === undefined) return undefined // asked for to hide what is wanted
    const opened = openedBy(openers, envelope)
    if (opened === undefined) {
      this.unopened++
      return undefined
    }
    this.messages++
    const { name: topic, payload, signer } = opened
    return {
      type: 'message',
      hash: envelope.hashHex,
      envelope,
      topic,
      payload,
      get text() {
        return new TextDecoder().decode(payload)
      },
      sent: envelope.sent,
      historic,
      own: !historic && peer === undefined,
      ...(signer && { signer }),
      ...(peer && { peer })
    }
  }
}
