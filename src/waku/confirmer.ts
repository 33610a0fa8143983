import type { Logger } from '@libp2p/interface'
import * as FIGURES from '../limits/figures.js'
import { encodeBatchAck, encodeMessageResponse } from '../wire/packet/confirmation.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import type { Counters } from './counters.js'
import type { Taken } from './intake.js'

export interface ConfirmerParts {
  /** Packets that may wait for the disk. */
  maxInFlight: number
  send: (code: number, body: Uint8Array) => Promise<void>
  counters: Counters
  log: Logger
}

/**
 * Answers the Messages packets of one peer in their order, each after its envelopes are on disk. Only the disk, or a peer
 * that lets a megabyte of answers wait, holds up reading: two peers that fill each other's window must both read on.
 */
export class Confirmer {
  readonly #parts: ConfirmerParts
  #inFlight = 0
  #queuedBytes = 0
  #stored: Promise<void> = Promise.resolve()
  #sent: Promise<void> = Promise.resolve()
  #wake: (() => void) | undefined

  constructor(parts: ConfirmerParts) {
    this.#parts = parts
  }

  /** Resolves when another packet may be taken in. */
  async room(): Promise<void> {
    while (this.#inFlight >= this.#parts.maxInFlight || this.#queuedBytes > FIGURES.packet.confirmations) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  /** A packet was taken in; without its `batch` hash it is waited for but not answered. */
  push(taken: Taken, batch: Uint8Array | undefined): void {
    if (batch === undefined && taken.settled === undefined) return
    this.#inFlight++
    this.#stored = this.#stored.then(async () => {
      if (taken.settled !== undefined) await taken.settled
      this.#inFlight--
      if (batch !== undefined) this.#answer(taken, batch)
      this.#readOn()
    })
  }

  /** Resolves when everything pushed so far was answered, or could not be. */
  async idle(): Promise<void> {
    await this.#stored
    await this.#sent
  }

  #answer(taken: Taken, batch: Uint8Array): void {
    const { send, counters, log } = this.#parts
    const response = encodeMessageResponse({ batch, refused: taken.refusals() })
    const ack = encodeBatchAck(batch)
    const size = response.length + ack.length
    this.#queuedBytes += size
    this.#sent = this.#sent
      .then(async () => {
        await send(PacketCode.MessageResponse, response)
        await send(PacketCode.BatchAck, ack)
        counters.add('confirmations_sent')
      })
      .catch(err => log.trace('could not confirm a packet - %e', err))
      .then(() => {
        this.#queuedBytes -= size
        this.#readOn()
      })
  }

  #readOn(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
