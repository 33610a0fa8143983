import type { Logger, PeerId } from '@libp2p/interface'
import { turnIsOver } from '../base/loop-turn.js'
import { pause } from '../base/pause.js'
import { withoutStacks } from '../base/stackless.js'
import * as FIGURES from '../limits/figures.js'
import { inVain, type Judgement } from '../limits/throttle.js'
import { fromHex } from '../wire/bytes.js'
import { decodeEnvelope, type Envelope, type EnvelopeDigest } from '../wire/envelope/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { keccak256 } from '../wire/keccak.js'
import { type Refusal, RefusalCode } from '../wire/packet/confirmation.js'
import { MessageItems } from '../wire/packet/messages.js'
import type { PacketDigests } from '../wire/packet/packet-digests.js'
import type { Counters } from './counters.js'
import { EnvelopeMemory } from './envelope-memory.js'
import type { Filters } from './filters.js'
import type { Forwarder } from './forwarder.js'
import type { OwnStatus } from './own-status.js'
import { judgeForm, judgeTaste, MALFORMED, type Verdict } from './rules.js'
import { SeenEnvelope, type SeenEnvelopes } from './seen-envelopes.js'
import type { Settings } from './settings.js'
import { type EnvelopeStore, StoreBatch } from './store-batch.js'
import { StoredMemory } from './stored-memory.js'

/** Whom envelopes come from. */
export interface Source {
  readonly peer: PeerId
  readonly slot: number
  /** Whether nothing can reach it any more. */
  readonly gone: boolean
  /** Told of each envelope that an honest peer would not have sent. */
  violation(): void
  /** Told what became of a packet. */
  judged(judgement: Judgement): void
}

/** What became of a Messages packet. */
export interface Taken {
  /** Refused for good, or (once `settled`) not stored. */
  refusals(): Refusal[]
  /** Resolves when everything that is kept of it is on disk or failed to get there; absent when nothing has to wait. */
  settled: Promise<unknown> | undefined
}

export interface IntakeParts {
  own: OwnStatus
  settings: Settings
  seen: SeenEnvelopes
  forwarder: Forwarder
  filters: Filters
  counters: Counters
  log: Logger
}

/**
 * The way of an envelope into the node: judge, remember, forward, deliver, store. Each envelope of a packet is judged
 * alone; the new ones are stored with one append. Forwarding and filters never wait for the disk.
 */
export class Intake {
  readonly #parts: IntakeParts
  readonly #stored = new StoredMemory()
  readonly #memory = new EnvelopeMemory()

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  get store(): EnvelopeStore | undefined {
    return this.#stored.store
  }

  set store(store: EnvelopeStore | undefined) {
    this.#stored.store = store
  }

  /**
   * Takes a Messages packet in.
   *
   * @param digests of this packet, where it was hashed before
   * @throws {MalformedError} when the body is no list, or so much of it is refused that the rest is not worth a look; what was
   *   accepted of it until then is kept
   */
  async take(body: Uint8Array, from: Source, digests?: PacketDigests): Promise<Taken> {
    const { counters, forwarder, settings } = this.#parts
    const items = new MessageItems(body)
    counters.add('envelopes_received', items.length)
    const packet = new PacketIntake(this.#stored)
    if (items.length === 0) packet.judgement.charge = inVain(body).charge
    try {
      for (let start = 0; start < items.length; start += FIGURES.packet.slice) {
        if (start > 0 && turnIsOver()) {
          forwarder.wake()
          await pause()
        }
        if (packet.hopeless) throw new MalformedError('nearly everything in a packet is refused')
        // nobody waits for the rest of a packet that is mostly refused
        if (from.gone && start >= FIGURES.packet.telling && packet.refused.length > start / 2) break
        const now = settings.now()
        const end = Math.min(start + FIGURES.packet.slice, items.length)
        for (let i = start; i < end; i++) this.#takeItem(items.next(), digests?.of(i), { from, now, packet })
      }
    } finally {
      forwarder.wake()
      this.#append(packet)
      from.judged(packet.judgement)
    }
    return packet.result()
  }

  /** Takes in an envelope of our own; false when it was known. With `offer` unset no other peer is offered it. */
  takeOwn(envelope: Envelope, options: { offer: boolean; knownBy: number[] }): boolean {
    const { seen, counters, filters } = this.#parts
    const packet = new PacketIntake(this.#stored)
    const before = seen.get(envelope.hashHex)
    if (before !== undefined) {
      before.own = true
      for (const slot of options.knownBy) before.knownBy.add(slot)
      if (!this.#isKept(before, envelope)) packet.keep(before, envelope)
      this.#append(packet)
      return false
    }
    const entry = this.#remember(envelope, true)
    for (const slot of options.knownBy) entry.knownBy.add(slot)
    packet.keep(entry, envelope)
    counters.add('envelopes_posted')
    if (options.offer) {
      this.#offer(entry)
      this.#parts.forwarder.wake()
    } else entry.envelope = undefined
    filters.deliver(envelope, { historic: false })
    this.#append(packet)
    return true
  }

  /** An envelope of our own did not reach a peer that was taken to know it. */
  missed(envelope: Envelope, slot: number): void {
    const entry = this.#parts.seen.get(envelope.hashHex)
    if (entry !== undefined) this.#parts.forwarder.missed(entry, slot)
  }

  #takeItem(
    raw: Uint8Array,
    digest: EnvelopeDigest | undefined,
    { from, now, packet }: { from: Source; now: number; packet: PacketIntake }
  ): void {
    const { seen, counters, filters, own, settings } = this.#parts
    let envelope: Envelope
    try {
      envelope = withoutStacks(() => decodeEnvelope(raw, digest))
    } catch {
      this.#refuse(raw, digest?.hash ?? keccak256(raw), MALFORMED, { from, packet })
      return
    }
    const unfit = judgeForm(envelope, now, settings)
    if (unfit !== undefined) {
      this.#refuse(raw, envelope.hash, unfit, { from, packet })
      return
    }
    const known = seen.get(envelope.hashHex)
    if (known !== undefined) {
      const kept = this.#isKept(known, envelope)
      // one that is not stored is welcome again
      if (known.broughtAgain(from.slot) && kept) packet.judgement.charge += raw.length + FIGURES.throttle.judgement / 4
      known.knownBy.add(from.slot)
      counters.add('envelopes_known')
      const unwanted = kept ? undefined : this.#storeRefuses(envelope, now)
      if (unwanted !== undefined) this.#refuse(raw, envelope.hash, unwanted, { from, packet })
      else if (kept) packet.await(known)
      else {
        this.#memory.keep(envelope, now)
        packet.keep(known, envelope)
      }
      return
    }
    const unwanted = judgeTaste(envelope, now, own) ?? this.#storeRefuses(envelope, now)
    if (unwanted !== undefined) {
      this.#refuse(raw, envelope.hash, unwanted, { from, packet })
      return
    }
    // what is kept of a packet must not keep the packet
    this.#memory.keep(envelope, now)
    const entry = this.#remember(envelope, false)
    entry.knownBy.add(from.slot)
    packet.keep(entry, envelope)
    counters.add('envelopes_accepted')
    packet.judgement.accepted++
    this.#offer(entry)
    filters.deliver(envelope, { historic: false, peer: from.peer })
  }

  /** On its way to the disk, or there and not deleted since. */
  #isKept({ storage, storedAt }: SeenEnvelope, { sent }: Envelope): boolean {
    if (storage === 'failed') return false
    return storage !== 'stored' || this.#stored.holds(storedAt, sent)
  }

  #storeRefuses(envelope: Envelope, now: number): Verdict | undefined {
    const refusal = this.store?.refuse?.(envelope, now)
    return refusal && { ...refusal, counter: 'refused_by_store', violation: false }
  }

  #refuse(
    raw: Uint8Array,
    hash: Uint8Array,
    verdict: Verdict,
    { from, packet }: { from: Source; packet: PacketIntake }
  ): void {
    packet.refused.push({ hash, code: verdict.code, text: verdict.text })
    packet.judgement.charge += raw.length + FIGURES.throttle.judgement
    this.#parts.counters.add(verdict.counter)
    if (verdict.violation) from.violation()
  }

  #remember(envelope: Envelope, own: boolean): SeenEnvelope {
    const entry = new SeenEnvelope(envelope, 'stored', { storedAt: this.#stored.moment, own })
    this.#parts.counters.add('memory_evictions', this.#parts.seen.add(entry))
    return entry
  }

  #offer(entry: SeenEnvelope): void {
    const { own, forwarder } = this.#parts
    // a light node forwards nothing for others, so it need not keep it either
    if (own.light && !entry.own) entry.envelope = undefined
    else forwarder.offer(entry)
  }

  #append(packet: PacketIntake): void {
    const { batch, store } = packet
    if (batch === undefined || store === undefined) return
    void batch.run(store).then(error => {
      this.#parts.counters.add(error === undefined ? 'envelopes_stored' : 'envelopes_not_stored', batch.size)
      if (error !== undefined) this.#parts.log.error('%d envelopes could not be stored - %e', batch.size, error)
    })
  }
}

/** One Messages packet while it is taken in. */
class PacketIntake {
  readonly refused: Refusal[] = []
  readonly judgement: Judgement = { accepted: 0, charge: 0 }
  /** The store as it was when the packet came. */
  readonly store: EnvelopeStore | undefined
  readonly batch: StoreBatch | undefined
  readonly #kept: SeenEnvelope[] = []
  readonly #batches = new Set<StoreBatch>()

  constructor({ store, moment }: StoredMemory) {
    this.store = store
    this.batch = store && new StoreBatch(moment)
  }

  /** Whether so much was refused, and so little taken, that the rest is not worth a look: nor is naming it all. */
  get hopeless(): boolean {
    const { refused, refusedToAccepted } = FIGURES.packet
    return this.refused.length > refused && this.refused.length > refusedToAccepted * this.judgement.accepted
  }

  /** To be stored with this packet. */
  keep(entry: SeenEnvelope, envelope: Envelope): void {
    if (this.batch === undefined) return
    this.batch.add(entry, envelope)
    this.#batches.add(this.batch)
    this.#kept.push(entry)
  }

  /** Known, and perhaps still being stored with another packet. */
  await(entry: SeenEnvelope): void {
    if (typeof entry.storage === 'string') return
    this.#batches.add(entry.storage)
    this.#kept.push(entry)
  }

  result(): Taken {
    return {
      settled: this.#batches.size === 0 ? undefined : Promise.all([...this.#batches].map(batch => batch.done)),
      refusals: () => {
        const lost = this.#kept.filter(({ storage }) => storage === 'failed').map(({ hash }) => fromHex(hash))
        return [...this.refused, ...lost.map(hash => ({ hash, code: RefusalCode.other, text: 'not stored' }))]
      }
    }
  }
}
