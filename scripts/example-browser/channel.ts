import {
  decodeEnvelope,
  decodePayload,
  type Envelope,
  keyFromPassword,
  type MailboxMessage,
  openSymmetric,
  topicFromName
} from 'waku-mailserver'
import type { Peer } from './peer.js'

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
const MOST_SHOWN = 1000
/** ms */
const BURST = 50
/** In localStorage: letters came that there was no room for. */
const UNKEPT = 'waku-mail-unkept'

const now = (): number => Math.floor(Date.now() / 1000)

/** One channel: what is in it, what comes, and what is written to it. Its name is its topic and its key: whoever knows it reads along. */
export class Channel {
  readonly #peer: Peer
  readonly #name: string
  readonly #events: Events
  /** Texts that were written here and are on their way. */
  readonly #written = new Set<string>()
  #connected = false
  #toKeep: Envelope[] = []
  #toShow: Letter[] = []

  constructor(peer: Peer, name: string, events: Events) {
    this.#peer = peer
    this.#name = name
    this.#events = events
  }

  async open(): Promise<void> {
    const { mailbox } = this.#peer.node.services
    this.#connected = this.#peer.node.services.waku.peers().length > 0
    mailbox.addEventListener('trouble', ({ detail }) => this.#events.trouble(detail))
    mailbox.addEventListener('server', ({ detail: { state, error } }) => {
      this.#connected = state === 'connected'
      if (this.#connected) this.#events.status('fetching', 'fetching what was missed')
      else this.#events.status('waiting', 'not connected, trying again')
      if (error !== undefined) this.#events.trouble(error)
    })
    this.#events.status('connecting', 'connecting')
    await this.#readArchive()
    this.#read().catch(this.#events.trouble)
  }

  /** Resolves once the mailserver has it on disk; throws why it does not. */
  async write(text: string, ttl: number): Promise<Letter> {
    const { mailbox } = this.#peer.node.services
    this.#written.add(text)
    try {
      const letter = await mailbox.send({ topic: this.#name, payload: text, ttl })
      try {
        await letter.confirmed
      } catch (error) {
        // the text stays, to be sent again
        await mailbox.discard(letter.id)
        throw error
      }
      return { hash: letter.hash ?? letter.id, text, sent: now(), expiry: now() + ttl, from: 'me' }
    } finally {
      this.#written.delete(text)
    }
  }

  /** Until the peer is stopped. */
  async #read(): Promise<void> {
    const { node, unkept } = this.#peer
    // what the archive did not take comes once more
    const again = unkept !== undefined || localStorage.getItem(UNKEPT) !== null
    const query = { topics: [this.#name], since: now() - WEEK, ...(again && { reader: false as const }) }
    for await (const item of node.services.mailbox.messages(query)) {
      if (item.type === 'message') this.#take(item)
      else if (item.type === 'behind') {
        const error = item.servers.find(server => server.error !== undefined)?.error
        if (item.completeness === 'irretrievable' && error !== undefined) this.#events.trouble(error)
      } else if (this.#connected) this.#events.status('connected', 'connected')
    }
  }

  #take(message: MailboxMessage): void {
    const { envelope, text, historic, own } = message
    // our own is shown when the server has it
    if (!own || !this.#written.has(text)) this.#toShow.push(letterOf(envelope, text, historic ? 'history' : 'live'))
    // what comes in a burst is shown, and written to disk, together
    if (this.#toKeep.push(envelope) > 1) return
    setTimeout(() => {
      const letters = this.#toShow.splice(0)
      if (letters.length > 0) this.#events.letters(letters)
      this.#peer.archive.append(this.#toKeep.splice(0)).then(
        () => {},
        error => {
          localStorage.setItem(UNKEPT, 'yes')
          this.#events.trouble(error as Error)
        }
      )
    }, BURST)
  }

  async #readArchive(): Promise<void> {
    const topic = topicFromName(this.#name)
    const key = await keyFromPassword(this.#name)
    const query = { lower: now() - WEEK, upper: now() + 60, topics: [topic], limit: MOST_SHOWN }
    const letters: Letter[] = []
    for await (const rows of this.#peer.archive.query(query)) {
      for (const { raw } of rows) {
        const envelope = decodeEnvelope(raw)
        const opened = openSymmetric(envelope.data, key)
        if (opened === undefined) continue
        letters.push(letterOf(envelope, new TextDecoder().decode(decodePayload(opened).payload), 'archive'))
      }
    }
    if (letters.length > 0) this.#events.letters(letters)
  }
}

function letterOf({ hashHex, sent, expiry }: Envelope, text: string, from: Letter['from']): Letter {
  return { hash: hashHex, text, sent, expiry, from }
}
