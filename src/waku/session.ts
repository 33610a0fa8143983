import type { Logger, PeerId } from '@libp2p/interface'
import * as FIGURES from '../limits/figures.js'
import type { Limits } from '../limits/limits.js'
import type { Origin } from '../limits/origin.js'
import type { Judgement } from '../limits/throttle.js'
import { inVain } from '../limits/throttle.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { batchHash } from '../wire/packet/messages.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import type { PacketDigests } from '../wire/packet/packet-digests.js'
import { mergeStatus, type StatusOptions } from '../wire/packet/status.js'
import { Confirmations } from './confirmations.js'
import { Confirmer } from './confirmer.js'
import type { CounterName, Counters } from './counters.js'
import { HandshakeError, MisbehaviourError, SessionOverError, UselessPeerError } from './errors.js'
import { type FeedTarget, meetsPow } from './feed.js'
import type { Intake, Source } from './intake.js'
import { Interest } from './interest.js'
import type { OwnStatus } from './own-status.js'
import { Pace } from './pace.js'
import type { Packet, PacketChannel } from './packet-channel.js'
import type { PacketDigester } from './packet-digester.js'
import type { Settings } from './settings.js'

export interface SessionParts {
  /** Number of the peer in every envelope's set of peers that know it. */
  slot: number
  own: OwnStatus
  settings: Settings
  intake: Intake
  limits: Limits
  digester: PacketDigester | undefined
  counters: Counters
  log: Logger
  /** The handshake is done. */
  onReady: (session: Session) => void
  /** The peer wants other envelopes than before. */
  onInterest: (session: Session) => void
}

/** One conversation with one peer, from Status to the end. */
export class Session implements Source, FeedTarget {
  readonly peer: PeerId
  readonly slot: number
  readonly origin: Origin
  readonly channel: PacketChannel
  readonly confirmations: Confirmations
  readonly pace = new Pace()
  /** When its Status came, Unix seconds. */
  since = 0
  ready = false
  /** Gives way to another conversation with the same peer, or to the end of the node. */
  retiring = false
  readonly #parts: SessionParts
  /** What the peer announced beside its interest. */
  #options: StatusOptions = {}
  #interest = new Interest({})
  readonly #confirmer: Confirmer
  /** The Messages packet before the next one: judged while that is received and hashed. */
  #judging: Promise<void> = Promise.resolve()
  #violations = 0
  #ownBytes = 0
  #roomMade: Promise<void> | undefined
  #makeRoom: () => void = () => {}
  #announced: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined
  #onMet: () => void = () => {}
  #onOver: () => void = () => {}
  /** Resolves when the conversation is over. */
  readonly #over: Promise<void> = new Promise(resolve => {
    this.#onOver = resolve
  })
  /** Resolves when the handshake is over, one way or the other. */
  readonly #met: Promise<void> = new Promise(resolve => {
    this.#onMet = resolve
  })

  constructor(channel: PacketChannel, parts: SessionParts) {
    this.channel = channel
    this.peer = channel.peer
    this.slot = parts.slot
    this.origin = channel.origin
    this.confirmations = new Confirmations(parts.counters)
    this.#parts = parts
    this.#confirmer = new Confirmer({
      maxInFlight: parts.settings.packetsInFlight,
      send: (code, body) => channel.send(code, body),
      counters: parts.counters,
      log: parts.log
    })
  }

  /** Resolves when the conversation is over, with what ended it other than a clean close; never rejects. */
  async run(): Promise<Error | undefined> {
    const { settings, counters, own } = this.#parts
    counters.add('sessions_opened')
    const deadline = setTimeout(
      () => this.channel.abort(new HandshakeError(`no Status within ${settings.statusTimeout} ms`)),
      settings.statusTimeout
    )
    let error: Error | undefined
    try {
      this.channel.send(PacketCode.Status, this.channel.status.encodeStatus(own.options)).catch(() => {})
      for await (const packet of this.channel.packets) {
        counters.add('packets_received')
        if (this.ready) await this.#take(packet)
        else {
          this.#handshake(packet)
          clearTimeout(deadline)
        }
      }
      if (!this.ready) throw new HandshakeError('the peer ended the conversation before its Status')
      await this.#judging
      await this.#confirmer.idle()
    } catch (err) {
      error = err instanceof Error ? err : new Error(String(err))
    } finally {
      clearTimeout(deadline)
    }
    if (error === undefined) await this.channel.close().catch(() => {})
    else this.channel.abort(error)
    if (error !== undefined) counters.add(this.ready ? 'sessions_failed' : 'handshakes_failed')
    this.ready = false
    this.#onMet()
    this.confirmations.end(new SessionOverError('the conversation with the peer is over'))
    this.#onOver()
    return error
  }

  get gone(): boolean {
    return this.channel.gone
  }

  /** What the peer announced, updates merged. */
  get status(): StatusOptions {
    return { ...this.#options, ...this.#interest.options }
  }

  /** It confirms what it receives. */
  get confirms(): boolean {
    return this.#options.confirmations === true
  }

  /** What proof of work it asks for. */
  get pow(): number {
    return this.#options.pow ?? 0
  }

  get light(): boolean {
    return this.#options.light === true
  }

  wants(envelope: Envelope): boolean {
    return meetsPow(envelope, this.pow) && this.#interest.includes(envelope.topic)
  }

  send(code: number, body: Uint8Array): Promise<void> {
    return this.channel.send(code, body)
  }

  /** Resolves when few enough posts wait for the peer to read. */
  async room(): Promise<void> {
    while (this.#ownBytes > FIGURES.conversation.ownBytes) {
      this.#roomMade ??= new Promise(resolve => {
        this.#makeRoom = resolve
      })
      await this.#roomMade
    }
  }

  /** Sends Messages of our own; `room` comes first. */
  sendOwn(body: Uint8Array): Promise<void> {
    this.#ownBytes += body.length
    this.pace.sent(body.length)
    return this.channel.send(PacketCode.Messages, body).finally(() => {
      this.#ownBytes -= body.length
      this.#roomMade = undefined
      this.#makeRoom()
    })
  }

  /** Tells the peer what changed about this node, as soon as it reads. */
  announce(changed: StatusOptions): void {
    for (const { code, body } of this.channel.status.encodeUpdate(changed)) {
      this.#announced = this.#announced.then(() => this.channel.send(code, body)).catch(() => {})
    }
  }

  /** Confirms what was accepted, then ends the conversation; at the latest when `signal` aborts. */
  retire(signal?: AbortSignal): Promise<void> {
    this.retiring = true
    this.#closed ??= (async () => {
      // what is sent just before the end may be lost on a stream that is still being negotiated
      await Promise.race([this.#met, aborted(signal)])
      // a peer that ended its side waits for the confirmations of all that it sent; then it is over by itself
      if (this.channel.ended === true) await Promise.race([this.#over, aborted(signal)])
      await Promise.race([this.#judging.then(() => this.#confirmer.idle()).catch(() => {}), aborted(signal)])
      await this.channel.close(signal === undefined ? {} : { signal }).catch(() => {})
    })()
    return this.#closed
  }

  judged(judgement: Judgement): void {
    this.channel.judged(judgement)
  }

  violation(): void {
    this.#parts.counters.add('violations')
    this.#violations++
    if (this.#violations > this.#parts.settings.maxViolations) {
      this.channel.abort(new MisbehaviourError('the peer sent too many bad envelopes'))
    }
  }

  #handshake(packet: Packet): void {
    const { own, settings, counters } = this.#parts
    if (packet.code !== PacketCode.Status) {
      throw new HandshakeError(`packet ${packet.code} before Status`)
    }
    try {
      this.#setStatus(this.channel.status.decodeStatus(packet.body))
    } catch (err) {
      throw new HandshakeError(`invalid Status: ${(err as Error).message}`)
    }
    if (own.light && this.light) {
      counters.add('useless_peers')
      throw new UselessPeerError('both sides are light nodes')
    }
    this.ready = true
    this.#onMet()
    this.since = settings.now()
    counters.add('sessions_ready')
    this.#parts.onReady(this)
  }

  /** Of what it wants only numbers are kept: a peer must not keep its packets, or a list of thousands, in our memory. */
  #setStatus(update: StatusOptions): void {
    if (update.topics !== undefined || update.bloom !== undefined) this.#interest = new Interest(update)
    const { topics, bloom, ...others } = mergeStatus(this.#options, update)
    this.#options = others
    this.pace.follow(others)
  }

  async #take(packet: Packet): Promise<void> {
    const { digester, own } = this.#parts
    this.channel.lend?.(packet)
    const hashing =
      packet.code === PacketCode.Messages
        ? digester?.digest(packet.body, { pow: own.options.pow ?? 0, patience: FIGURES.packet.refused })
        : undefined
    await this.#judging
    if (hashing === undefined) return await this.#handle(packet, undefined)
    this.#judging = this.#handle(packet, hashing)
    this.#judging.catch(err => this.channel.abort(err as Error))
    if (packet.body.length > FIGURES.packet.alone) await this.#judging
  }

  async #handle(packet: Packet, hashing: Promise<PacketDigests | undefined> | undefined): Promise<void> {
    const { counters, limits } = this.#parts
    const { code, body } = packet
    try {
      if (code === PacketCode.Messages) await this.#takeMessages(body, hashing)
      else await limits.others.run(this.channel.origin, () => this.#takeOther(code, body))
    } catch (err) {
      if (!(err instanceof MalformedError)) throw err
      counters.add('packets_malformed')
      this.#ignored(body)
      if (this.channel.onMalformed === 'abort') throw err
    } finally {
      // what is given back is hashed no more
      if (hashing !== undefined) await hashing
      this.channel.giveBack?.(packet)
    }
  }

  /** What brings no envelope counts as sent in vain, unless somebody waits for it. */
  #takeOther(code: number, body: Uint8Array): void {
    if (code === PacketCode.BatchAck || code === PacketCode.MessageResponse) {
      this.#takeConfirmation(code, body)
      return
    }
    const update = code === PacketCode.Status ? undefined : this.channel.status.decodeUpdate(code, body)
    if (update === undefined) this.#parts.counters.add(ignoredAs(code))
    else this.#update(update)
    this.#ignored(body)
  }

  #takeConfirmation(code: number, body: Uint8Array): void {
    const { confirmations } = this
    const expected =
      code === PacketCode.BatchAck ? confirmations.onBatchAck(body) : confirmations.onMessageResponse(body)
    if (!expected) this.#ignored(body)
  }

  #ignored(body: Uint8Array): void {
    this.judged(inVain(body))
  }

  #update(update: StatusOptions): void {
    this.#parts.counters.add('status_updates')
    if (Object.keys(update).length === 0) return
    this.#setStatus(update)
    if (update.pow !== undefined || update.bloom !== undefined || update.topics !== undefined)
      this.#parts.onInterest(this)
  }

  async #takeMessages(body: Uint8Array, hashing: Promise<PacketDigests | undefined> | undefined): Promise<void> {
    await this.#confirmer.room()
    const digests = await hashing
    await new Promise<void>((resolve, reject) => {
      const turn = async (): Promise<void> => {
        const taken = await this.#parts.intake.take(body, this, digests)
        const batch = this.#parts.own.confirmations ? (digests?.batch ?? batchHash(body)) : undefined
        this.#confirmer.push(taken, batch)
        resolve()
        // the next one is judged meanwhile; a bulky one's turn is over when it is on disk
        if (body.length > FIGURES.packet.bulky) await taken.settled
      }
      // what came is taken in also when its sender is gone
      this.#parts.limits.packets.run(this.channel.origin, turn).catch(reject)
    })
  }
}

function ignoredAs(code: number): CounterName {
  if (code === PacketCode.Status) return 'status_repeated'
  return code >= PacketCode.RequestComplete ? 'p2p_packets_ignored' : 'packets_unknown'
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve()
  return new Promise(resolve => signal?.addEventListener('abort', () => resolve(), { once: true }))
}
