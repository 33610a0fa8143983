import type { Tally } from '../base/tally.js'
import * as FIGURES from '../limits/figures.js'
import { inVain } from '../limits/throttle.js'
import { LineBrokenError } from '../waku/mail-errors.js'
import type { MailExchangeOptions } from '../waku/mail-exchange.js'
import type { Packet } from '../waku/packet-channel.js'
import { keccak256 } from '../wire/keccak.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import type { CapabilityChannel } from './capability-channel.js'
import type { Devp2pEvent } from './counters.js'
import { StillSendingError } from './errors.js'
import { Exchange } from './exchange.js'

export interface ExchangesParts {
  tally: Tally<Devp2pEvent>
  /** How long an answer that nobody wants any more may go on, ms. */
  drainTimeout: number
  /** Ends the connection. */
  abort(reason: Error): void
}

/**
 * Our requests to one peer, one at a time: what comes back names no request, so only the order tells whose it is. What
 * nobody asked for is dropped without being looked at.
 */
export class Exchanges {
  readonly #parts: ExchangesParts
  #current: { exchange: Exchange; channel: CapabilityChannel } | undefined
  #busy = false
  #waiting: (() => void)[] = []
  #ended: Error | undefined

  constructor(parts: ExchangesParts) {
    this.#parts = parts
  }

  /** A 0x7f or 0x7d came on a channel. Resolves when there is room for more. */
  async take(channel: CapabilityChannel, packet: Packet): Promise<void> {
    const current = this.#current
    if (current === undefined || current.channel !== channel || current.exchange.complete) {
      this.#parts.tally.add('answers_unasked')
      channel.judged(inVain(packet.body))
      return
    }
    if (!(await current.exchange.take(packet))) this.#parts.tally.add('answers_drained')
  }

  /**
   * Sends a request as soon as those before it are through, and yields what follows. Left before the completion came, the
   * rest of the answer is read and dropped.
   *
   * @throws {LineBrokenError} when the connection ends, or too many requests wait
   */
  async *run(channel: CapabilityChannel, body: Uint8Array, options: MailExchangeOptions): AsyncGenerator<Packet, void> {
    const { signal, quiet, onSent } = options
    await this.#turn(signal)
    const exchange = new Exchange(requestIdOf(channel, body))
    this.#current = { exchange, channel }
    this.#parts.tally.add('exchanges')
    let silent = false
    let sent = false
    try {
      if (this.#ended !== undefined) throw this.#ended
      await channel.send(PacketCode.Request, body, { signal }).catch(cause => {
        signal.throwIfAborted()
        throw new LineBrokenError('the request could not be sent', { cause })
      })
      sent = true
      onSent?.()
      for (let first = true; ; first = false) {
        const packet = await exchange.next(signal, first ? undefined : quiet)
        silent = packet === undefined
        if (packet === undefined) return
        yield packet
      }
    } finally {
      if (sent && !silent && !exchange.complete) void this.#drain(exchange, quiet)
      else this.#done()
    }
  }

  /** The connection is gone. */
  end(error: Error): void {
    this.#ended ??= new LineBrokenError('the connection to the server ended', { cause: error })
    this.#current?.exchange.end(this.#ended)
    for (const go of this.#waiting.splice(0)) go()
  }

  async #drain(exchange: Exchange, quiet: number | undefined): Promise<void> {
    const { tally, drainTimeout, abort } = this.#parts
    const over = await exchange.drain(drainTimeout, quiet)
    const stillSending = !over && this.#ended === undefined && exchange.stillComing(FIGURES.devp2p.stillSending)
    tally.add(exchange.complete ? 'exchanges_drained' : 'exchanges_undrained')
    if (stillSending) abort(new StillSendingError('an answer that was given up does not end'))
    this.#done()
  }

  #done(): void {
    this.#current = undefined
    const next = this.#waiting.shift()
    if (next === undefined) this.#busy = false
    else next()
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#ended !== undefined) throw this.#ended
    if (!this.#busy) {
      this.#busy = true
      return
    }
    if (this.#waiting.length >= FIGURES.devp2p.asking)
      throw new LineBrokenError('too many requests wait for this server')
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter(other => other !== go)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(go)
    })
  }
}

/** What the completion of a request will name: its envelope's hash, or the id that stands open in it. */
function requestIdOf(channel: CapabilityChannel, body: Uint8Array): Uint8Array {
  return channel.mail({ plain: true }).decodePlain?.(body)?.requestId ?? keccak256(body)
}
