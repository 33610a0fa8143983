import { type Datastore, Key } from 'interface-datastore'
import { anySignal } from '../base/any-signal.js'
import { randomBytes } from '../wire/random.js'
import { ReaderInUseError } from './errors.js'
import type { Identity } from './identity.js'
import type { MailboxItem } from './items.js'
import type { KeyChoice } from './key-choice.js'
import type { MailboxComponents } from './mailbox.js'
import { Messages } from './messages.js'
import { type MessagesQuery, planMessages } from './messages-query.js'
import { ReaderLog } from './reader-log.js'
import type { Server } from './server.js'
import type { MailboxSettings } from './settings.js'

const SEED = new Key('/mailbox/seed')

export interface ReadersParts {
  components: MailboxComponents
  settings: MailboxSettings
  keys: KeyChoice
  servers: readonly Server[]
  identity: Identity | undefined
  onTrouble(error: Error): void
}

/** Who reads messages now, each under a name of its own. */
export class Readers {
  readonly #parts: ReadersParts
  readonly #readers = new Set<Messages>()
  /** What they remember is named so; and the end of each. */
  readonly #reading = new Map<string, Promise<void>>()

  constructor(parts: ReadersParts) {
    this.#parts = parts
  }

  /** A server was reached again: what was sent meanwhile was not heard. */
  reached(): void {
    for (const reader of this.#readers) reader.reached()
  }

  /** Resolves when none reads any more, with what they went through written. */
  async over(): Promise<void> {
    await Promise.all(this.#reading.values())
  }

  /**
   * See `Mailbox.messages`.
   *
   * @param run.live whether any server sends what is live
   */
  async *read(query: MessagesQuery, run: { signal: AbortSignal; live(): boolean }): AsyncGenerator<MailboxItem, void> {
    const { components, settings, keys, servers, identity, onTrouble } = this.#parts
    const { now, verified, interval, backoff, remembered } = settings
    const plan = await planMessages(query, {
      keys,
      servers,
      status: components.waku.status,
      identity,
      verified,
      now: now(),
      seed: () => seedOf(components.datastore)
    })
    plan.signal?.throwIfAborted()
    const { datastore, waku, mailclient } = components
    const log = new ReaderLog({
      datastore: plan.reader === undefined ? undefined : datastore,
      id: plan.reader ?? '',
      remembered,
      onTrouble
    })
    const messages = new Messages({
      waku,
      client: mailclient,
      plan,
      log,
      live: run.live,
      now,
      interval,
      backoff,
      // one of its own in any case: all readers would listen on the same
      signal: anySignal(plan.signal === undefined ? [run.signal] : [run.signal, plan.signal])
    })
    const over = Promise.withResolvers<void>()
    const name = plan.reader ?? `${this.#reading.size} ${Math.random()}`
    if (this.#reading.has(name)) throw new ReaderInUseError('these messages are read already: name another reader')
    this.#reading.set(name, over.promise)
    this.#readers.add(messages)
    try {
      yield* messages.items()
    } finally {
      this.#readers.delete(messages)
      this.#reading.delete(name)
      over.resolve()
    }
  }
}

/** What topics beside the wanted ones are chosen by. */
async function seedOf(datastore: Datastore): Promise<Uint8Array> {
  if (await datastore.has(SEED)) return await datastore.get(SEED)
  const seed = randomBytes(32)
  await datastore.put(SEED, seed)
  return seed
}
