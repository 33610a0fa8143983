import type { PeerId, Stream } from '@libp2p/interface'
import { pipe } from 'it-pipe'
import * as FIGURES from '../limits/figures.js'
import type { Origin } from '../limits/origin.js'
import type { IncomingRequest, RequestHandler } from '../waku/mail-exchange.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { MAX_MAIL_CONTROL_FRAME } from '../wire/packet/packet-frame.js'
import { answeringLibp2p } from '../wire/request/mail-codec.js'
import { FrameTimeoutError } from './frame-errors.js'
import { FrameStream } from './frame-stream.js'
import { packetsOf } from './packets-of.js'

export interface MailSessionParts {
  peer: PeerId
  origin: Origin
  handler: RequestHandler
  /** How long the requester may take nothing of an answer, or ask nothing, in ms. */
  idleTimeout: number
  /** Bytes of requests that may wait. */
  highWater: number
  /** Told what is not read yet beyond what every stream may have, as `FrameStreamInit.holds`. */
  holds: (bytes: number) => void
  /** Most bytes of the next page, where the connection is limited. */
  maxPageBytes?: (() => number | undefined) | undefined
}

/** One stream of a requester: its requests are answered strictly in turn, each in full before the next is looked at. */
export class MailSession {
  readonly #frames: FrameStream
  readonly #parts: MailSessionParts
  #answering: Promise<void> = Promise.resolve()
  #closing = false

  constructor(stream: Stream, parts: MailSessionParts) {
    this.#parts = parts
    this.#frames = new FrameStream(stream, {
      highWater: parts.highWater,
      holds: parts.holds,
      window: FIGURES.libp2p.window,
      // whatever its code: nothing larger is of use here
      maxFrame: () => MAX_MAIL_CONTROL_FRAME,
      stallTimeout: parts.idleTimeout,
      writeTimeout: parts.idleTimeout
    })
  }

  /** Resolves when the requester closed its side and everything was answered; throws when the stream broke. */
  async run(): Promise<void> {
    // what is ignored does not keep a stream open
    const requests = packetsOf(PacketCode.Request)
    const ended = await pipe(this.#frames.packets, requests, bodies => this.#answer(bodies))
    if (ended) await this.#frames.close()
  }

  /** One after the other: the next is read when the last is answered. False when nobody waits for more answers. */
  async #answer(bodies: AsyncIterable<Uint8Array>): Promise<boolean> {
    const { peer, origin, handler } = this.#parts
    const frames = this.#frames
    let idle = this.#arm()
    try {
      for await (const body of bodies) {
        // of what came before the end the rest is for nobody
        if (frames.signal.aborted) return false
        clearTimeout(idle)
        const request: IncomingRequest = {
          peer,
          network: 'libp2p',
          origin,
          maxPageBytes: this.#parts.maxPageBytes?.(),
          body,
          codec: answeringLibp2p,
          signal: frames.signal,
          send: (code, body) => frames.send(code, body, { signal: frames.signal }),
          abort: reason => frames.abort(reason)
        }
        this.#answering = handler(request)
        await this.#answering
        if (this.#closing) return false
        idle = this.#arm()
      }
    } finally {
      clearTimeout(idle)
    }
    return true
  }

  /** Ends at once. */
  abort(reason: Error): void {
    this.#frames.abort(reason)
  }

  /** Finishes the request that is being answered, takes no other, and ends the stream. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#answering
    await this.#frames.close()
  }

  #arm(): ReturnType<typeof setTimeout> {
    const { idleTimeout } = this.#parts
    return setTimeout(() => this.#frames.abort(new FrameTimeoutError(`no request for ${idleTimeout} ms`)), idleTimeout)
  }
}
