import type { ComponentLogger, Logger, PeerId, PrivateKey, Startable } from '@libp2p/interface'
import type { Datastore } from 'interface-datastore'
import { TypedEventEmitter } from 'main-event'
import { delay } from '../base/delay.js'
import type { MailClient } from '../mailclient/mail-client.js'
import type { TrustList } from '../trust/trust-list.js'
import type { Waku } from '../waku/waku.js'
import { Conversations, type ServerChange } from './conversations.js'
import { MailboxStoppedError } from './errors.js'
import { identityOf } from './identity.js'
import type { MailboxItem } from './items.js'
import { KeyChoice } from './key-choice.js'
import { type OutgoingMessage, sealLetter } from './letter.js'
import type { MessagesQuery } from './messages-query.js'
import { Outbox } from './outbox.js'
import { Readers } from './readers.js'
import { Sender } from './sender.js'
import { type LetterChange, SentLetter } from './sent-letter.js'
import { type Server, serversOf } from './server.js'
import { type MailboxInit, type MailboxSettings, settle } from './settings.js'
import { Tabs } from './tabs.js'
import { Turn } from './turn.js'
import { Wake } from './wake.js'

export interface MailboxComponents {
  /** Looked up when the mailbox starts, as is the mail client. */
  readonly waku: Waku
  readonly mailclient: Pick<MailClient, 'history' | 'digest'> & { trust: TrustList }
  datastore: Datastore
  logger: ComponentLogger
  /** Ends what connections there are to a peer, without a word: it may not hear it any more. */
  hangUp?(peer: PeerId): void
  privateKey?: PrivateKey | undefined
}

export interface MailboxEvents {
  /** What became of a letter. */
  letter: CustomEvent<LetterChange>
  /** A server was reached, or lost, or cannot be reached. */
  server: CustomEvent<ServerChange>
  /** Something failed that goes on all the same, such as writing to a full datastore. */
  trouble: CustomEvent<Error>
}

/** What belongs to one run. */
interface Run {
  stopped: AbortController
  conversations: Conversations
  sender: Sender
  timers: ReturnType<typeof setInterval>[]
  over: Promise<unknown>
}

/** How often letters of other tabs are looked after, ms. */
const LOOK = 2_000
const SWEEP = 60_000
/** In the trust list. */
const LABEL = 'mailserver of the mailbox'

/** Sends messages that arrive, and reads all that arrived, by several mailservers. */
export class Mailbox extends TypedEventEmitter<MailboxEvents> implements Startable {
  readonly #components: MailboxComponents
  readonly #settings: MailboxSettings
  readonly #log: Logger
  readonly #keys = new KeyChoice()
  readonly #servers: Server[]
  readonly #outbox: Outbox
  readonly #turn: Turn
  readonly #tabs = new Tabs()
  readonly #letters = new Map<string, SentLetter>()
  readonly #readers: Readers
  #run: Run | undefined

  /** @throws {MailboxInitError} */
  constructor(components: MailboxComponents, init: MailboxInit) {
    super()
    this.#settings = settle(init)
    this.#components = components
    this.#log = components.logger.forComponent('waku:mailbox')
    this.#servers = serversOf(init, this.#keys)
    const { datastore } = components
    const { maxLetters, maxOutboxBytes } = this.#settings
    this.#outbox = new Outbox({ datastore, maxLetters, maxBytes: maxOutboxBytes })
    this.#turn = new Turn(datastore)
    this.#readers = new Readers({
      components,
      settings: this.#settings,
      keys: this.#keys,
      servers: this.#servers,
      identity: identityOf(init.identity, components.privateKey),
      onTrouble: error => this.#onTrouble(error)
    })
  }

  readonly [Symbol.toStringTag] = 'mailbox'

  /** The servers are trusted from now on, unless the trust list says something of them already. */
  async start(): Promise<void> {
    const { trust } = this.#components.mailclient
    for (const { peer } of this.#servers) {
      if (trust.get(peer) === undefined) await trust.add(peer, { label: LABEL })
    }
  }

  /** Only now is there somebody who can be asked for a connection. */
  afterStart(): void {
    if (this.#run !== undefined) return
    const { waku } = this.#components
    // it takes a while to derive them
    for (const server of this.#servers) void server.requestKey()
    const { backoff, now } = this.#settings
    const outbox = this.#outbox
    const servers = this.#servers
    const conversations = new Conversations({ waku, servers, backoff, onChange: change => this.#onServer(change) })
    const sender = new Sender({
      waku,
      outbox,
      servers,
      conversations,
      now,
      log: this.#log,
      backoff,
      onChange: change => this.#onLetter(change, true),
      onTrouble: error => this.#onTrouble(error)
    })
    const stopped = new AbortController()
    const { signal } = stopped
    const wake = new Wake(now)
    const timer = setInterval(() => {
      if (wake.look()) this.#onWake()
      void this.#lookAfter()
    }, LOOK)
    const sweeping = setInterval(() => void this.#sweep(), SWEEP)
    const run: Run = { stopped, conversations, sender, timers: [timer, sweeping], over: Promise.resolve() }
    this.#run = run
    run.over = Promise.all([conversations.run(signal), this.#send(sender, signal)])
    run.over.catch(() => {})
  }

  /** Readers end, and what they went through is written, while the connections are still there. */
  async beforeStop(): Promise<void> {
    const run = this.#run
    if (run === undefined) return
    this.#run = undefined
    const error = new MailboxStoppedError('the node stopped')
    run.stopped.abort(error)
    for (const timer of run.timers) clearInterval(timer)
    await run.over.catch(() => {})
    this.#tabs.close()
    await this.#readers.over()
    for (const letter of this.#letters.values()) letter.ended(error)
    this.#letters.clear()
  }

  async stop(): Promise<void> {
    await this.beforeStop()
  }

  /**
   * Seals a message and keeps it in the outbox until servers confirmed that they have it on disk: across broken connections, restarts
   * and its TTL. Resolves once it is kept; the letter says, and `letter` events say, what becomes of it.
   *
   * @throws {LetterError} when it cannot be a message
   * @throws {OutboxFullError}
   * @throws {MailboxStorageError} when there is no room to keep it
   * @throws {MailboxStoppedError}
   */
  async send(message: OutgoingMessage): Promise<SentLetter> {
    const { sender } = this.#running
    const parts = { keys: this.#keys, servers: this.#servers.length, wanted: this.#settings.confirmations }
    const letter = await sealLetter(message, parts)
    const sent = new SentLetter(await this.#outbox.add(letter))
    this.#letters.set(sent.id, sent)
    this.#dispatch({ id: sent.id, state: 'waiting', confirmedBy: [], refusals: [] })
    sender.ring()
    this.#tabs.tell('written')
    return sent
  }

  /**
   * The letters that nobody confirmed yet, also those of earlier runs, the oldest first.
   *
   * @throws {MailboxStorageError}
   * @throws {MailboxStoppedError}
   */
  async letters(): Promise<SentLetter[]> {
    void this.#running
    const ids = await this.#outbox.ids()
    return ids.map(id => {
      const letter = this.#letters.get(id) ?? new SentLetter(id)
      this.#letters.set(id, letter)
      return letter
    })
  }

  /**
   * Takes a letter out of the outbox; servers that have it keep it.
   *
   * @returns false when it was there no more
   * @throws {MailboxStorageError}
   */
  async discard(id: string): Promise<boolean> {
    const removed = await this.#outbox.remove(id)
    if (removed) {
      this.#onLetter({ id, state: 'discarded', confirmedBy: [], refusals: [] }, true)
    }
    return removed
  }

  /**
   * Messages, opened: first what servers have, from the oldest, then what is live, each once, with a `caughtUp` where everything that
   * servers have was shown. It goes on across reconnects and restarts of either side, ends when the node stops, and never ends since nothing is there. A later
   * run goes on where this one stopped.
   *
   * @throws {MessagesQueryError} when what is asked for makes no sense
   * @throws {ReaderInUseError} when the same reader reads already
   * @throws {MailboxStorageError} when what was read before cannot be read from the datastore
   * @throws {MailboxStoppedError}
   */
  async *messages(query: MessagesQuery): AsyncGenerator<MailboxItem, void> {
    const { stopped, conversations } = this.#running
    yield* this.#readers.read(query, { signal: stopped.signal, live: () => conversations.size > 0 })
  }

  get #running(): Run {
    if (this.#run === undefined) throw new MailboxStoppedError('the node is not started')
    return this.#run
  }

  /** One tab at a time. */
  async #send(sender: Sender, signal: AbortSignal): Promise<void> {
    await this.#tabs.listen(
      () => this.#turn.name(),
      message => {
        if (message === 'written') sender.ring()
        else this.#onLetter(message, false)
      }
    )
    while (!signal.aborted) {
      try {
        await this.#turn.take(async held => {
          await this.#lookAfter()
          await this.#outbox.sweep()
          await sender.run(held)
        }, signal)
      } catch (error) {
        if (signal.aborted) return
        this.#onTrouble(error as Error)
        await delay(LOOK, { signal }).catch(() => {})
      }
    }
  }

  /** What became of letters that another tab sends, or took out. */
  async #lookAfter(): Promise<void> {
    try {
      for (const [id, letter] of this.#letters) {
        if (letter.state === 'sending' || (await this.#outbox.has(id))) continue
        const confirmedBy = await this.#outbox.settled(id)
        if (confirmedBy !== undefined) this.#onLetter({ id, state: 'confirmed', confirmedBy, refusals: [] }, false)
        else if (this.#letters.has(id)) this.#onLetter({ id, state: 'discarded', confirmedBy: [], refusals: [] }, false)
      }
    } catch (error) {
      this.#onTrouble(error as Error)
    }
  }

  async #sweep(): Promise<void> {
    try {
      await this.#outbox.sweep()
    } catch (error) {
      this.#onTrouble(error as Error)
    }
  }

  /** Connections look alive though the other side gave them up long ago: new ones are made, and everything is asked for again. */
  #onWake(): void {
    this.#log('the clock jumped: the servers are reached anew')
    for (const { peer } of this.#servers) this.#components.hangUp?.(peer)
    this.#run?.conversations.hurry()
    this.#readers.reached()
  }

  #onServer(change: ServerChange): void {
    if (change.state === 'connected') {
      this.#run?.sender.reached()
      this.#readers.reached()
    }
    this.safeDispatchEvent('server', { detail: change })
  }

  #onLetter(change: LetterChange, here: boolean): void {
    this.#letters.get(change.id)?.changed(change)
    if (change.state === 'confirmed' || change.state === 'discarded') this.#letters.delete(change.id)
    if (here) this.#tabs.tell(change)
    this.#dispatch(change)
  }

  #dispatch(change: LetterChange): void {
    this.safeDispatchEvent('letter', { detail: change })
  }

  #onTrouble(error: Error): void {
    this.#log.error('the mailbox goes on after - %e', error)
    this.safeDispatchEvent('trouble', { detail: error })
  }
}
