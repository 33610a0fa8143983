import {
  decodeEnvelope,
  decodePayload,
  type Envelope,
  type HistoryQuery,
  keyFromPassword,
  openSymmetric,
  type ReceivedMessage,
  topicFromName
} from 'waku-mailserver'
import type { Peer } from './peer.js'

export interface Settings {
  /** Multiaddr that ends in `/p2p/<peer id>`. */
  server: string
  /** The mailserver's, for requests. */
  password: string
  /** Its name is its topic, and its key: whoever knows it reads along. */
  channel: string
}

export interface Letter {
  hash: string
  text: string
  /** Unix seconds. */
  sent: number
  expiry: number
  from: 'live' | 'history' | 'archive' | 'me'
}

export interface Events {
  letters(letters: Letter[]): void
  status(status: 'connecting' | 'connected' | 'fetching' | 'waiting', text: string): void
  /** Something went wrong that does not end the conversation. */
  trouble(error: Error): void
}

const WEEK = 7 * 86_400
/** Seconds; clocks differ, and what was posted lately may be dated a little back. */
const OVERLAP = 120
const MOST_SHOWN = 1000
/** ms */
const BURST = 50
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 15_000

const now = (): number => Math.floor(Date.now() / 1000)

/** One channel at one mailserver: what is in it, what comes, and what is written to it. */
export class Mailbox {
  readonly #peer: Peer
  readonly #settings: Settings
  readonly #events: Events
  readonly #closed = new AbortController()
  readonly #topic: Uint8Array
  #key!: Uint8Array
  #requestKey!: Uint8Array
  #fetched = 0
  #toKeep: Envelope[] = []
  #toShow: Letter[] = []

  constructor(peer: Peer, settings: Settings, events: Events) {
    this.#peer = peer
    this.#settings = settings
    this.#events = events
    this.#topic = topicFromName(settings.channel)
  }

  async open(): Promise<void> {
    const { node } = this.#peer
    this.#key = await keyFromPassword(this.#settings.channel)
    this.#requestKey = await keyFromPassword(this.#settings.password)
    const stop = node.services.waku.subscribe({ topics: [this.#topic], key: this.#key }, message => this.#take(message))
    this.#closed.signal.addEventListener('abort', stop)
    await this.#readArchive()
    // whom we trust may deliver what is long expired
    await node.services.mailclient.trust.add(this.#settings.server, { label: 'my mailserver' })
    void this.#keepConnected()
  }

  close(): void {
    this.#closed.abort()
  }

  /** Resolves once the mailserver has it on disk; throws why it does not. */
  async write(text: string, ttl: number): Promise<Letter> {
    const payload = new TextEncoder().encode(text)
    const { server } = this.#settings
    const { waku } = this.#peer.node.services
    const { envelope, refused } = await waku.post({ topic: this.#topic, key: this.#key, payload, ttl, to: server })
    const refusal = refused[0]
    if (refusal !== undefined) throw new Error(`the mailserver refused it: ${refusal.text}`)
    this.#keep(envelope)
    return { hash: envelope.hashHex, text, sent: envelope.sent, expiry: envelope.expiry, from: 'me' }
  }

  /** Connects, fetches what was missed, stays; again whenever the connection is gone. */
  async #keepConnected(): Promise<void> {
    const { node } = this.#peer
    const { signal } = this.#closed
    const { server } = this.#settings
    for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        this.#events.status('connecting', 'connecting')
        await node.services.waku.connect(server, { signal })
        this.#events.status('fetching', 'fetching what was missed')
        await this.#fetch(signal)
        this.#events.status('connected', 'connected')
        pause = FIRST_PAUSE
        await this.#disconnected(signal)
      } catch (err) {
        if (signal.aborted) return
        this.#events.status('waiting', 'not connected, trying again')
        this.#events.trouble(err as Error)
      }
      await new Promise(resolve => setTimeout(resolve, pause))
    }
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const begun = now()
    const query: HistoryQuery = {
      server: this.#settings.server,
      from: Math.max(begun - WEEK, this.#fetched - OVERLAP),
      topics: [this.#topic],
      requestKey: this.#requestKey,
      signal
    }
    // the envelopes come through the subscription
    for await (const page of this.#peer.node.services.mailclient.history(query)) void page
    this.#fetched = begun
  }

  #disconnected(signal: AbortSignal): Promise<void> {
    const { node } = this.#peer
    return new Promise(resolve => {
      const look = (): void => {
        if (!signal.aborted && node.services.waku.peers().length > 0 && node.getConnections().length > 0) return
        node.removeEventListener('connection:close', look)
        signal.removeEventListener('abort', look)
        resolve()
      }
      node.addEventListener('connection:close', look)
      signal.addEventListener('abort', look)
      look()
    })
  }

  #take({ envelope, payload, historic, peer }: ReceivedMessage): void {
    // our own is shown when the server has it
    if (payload === undefined || peer === undefined) return
    this.#toShow.push(letterOf(envelope, payload, historic ? 'history' : 'live'))
    this.#keep(envelope)
  }

  /** What comes in a burst is shown, and written to disk, together. */
  #keep(envelope: Envelope): void {
    if (this.#toKeep.push(envelope) > 1) return
    setTimeout(() => {
      const letters = this.#toShow.splice(0)
      if (letters.length > 0) this.#events.letters(letters)
      const envelopes = this.#toKeep.splice(0)
      // in a task of its own; the mailserver still has them when there is no room here
      setTimeout(() => this.#peer.archive.append(envelopes).catch(err => this.#events.trouble(err as Error)))
    }, BURST)
  }

  async #readArchive(): Promise<void> {
    const query = { lower: now() - WEEK, upper: now() + 60, topics: [this.#topic], limit: MOST_SHOWN }
    const letters: Letter[] = []
    for await (const rows of this.#peer.archive.query(query)) {
      for (const { raw } of rows) {
        const envelope = decodeEnvelope(raw)
        const opened = openSymmetric(envelope.data, this.#key)
        if (opened !== undefined) letters.push(letterOf(envelope, decodePayload(opened).payload, 'archive'))
      }
    }
    if (letters.length > 0) this.#events.letters(letters)
  }
}

function letterOf({ hashHex, sent, expiry }: Envelope, payload: Uint8Array, from: Letter['from']): Letter {
  return { hash: hashHex, text: new TextDecoder().decode(payload), sent, expiry, from }
}
