import * as FIGURES from '../limits/figures.js'
import type { MailLine } from '../waku/mail-exchange.js'
import type { Packet } from '../waku/packet-channel.js'
import { equalBytes } from '../wire/bytes.js'
import { decodeEnvelope } from '../wire/envelope/envelope.js'
import { MalformedError } from '../wire/errors.js'
import { MAX_PACKED_ENVELOPE } from '../wire/packet/messages.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { splitP2PMessage } from '../wire/request/p2p-message.js'
import type { RequestComplete } from '../wire/request/request-complete.js'
import { UpstreamMisbehavedError } from './errors.js'

/** Envelopes of an answer, in order, or its end. */
export type AnswerPart = { raws: Uint8Array[]; bytes: number } | { complete: RequestComplete }

export interface AnswerBounds {
  /** Of 0x7f bodies. */
  maxBytes: number
  maxEnvelopes: number
  /** The request left. */
  onSent(): void
  /** Told of every packet. */
  onPacket(packet: Packet): void
  /** A completion came that names another request. */
  onForeign(): void
}

const { part: PART_BYTES, answer } = FIGURES.upstream

/**
 * Passes a request on and yields what comes back, bounded, each envelope's bytes as they came, until the completion that
 * names the request.
 *
 * @param requestId 32 bytes
 * @throws {UpstreamMisbehavedError}
 * @throws what broke the line, or the reason of `signal`
 */
export async function* readAnswer(
  line: MailLine,
  request: { body: Uint8Array; requestId: Uint8Array },
  bounds: AnswerBounds,
  { signal }: { signal: AbortSignal }
): AsyncGenerator<AnswerPart, void> {
  let bytes = 0
  let envelopes = 0
  let barren = 0
  for await (const packet of line.exchange(request.body, { signal, onSent: bounds.onSent })) {
    bounds.onPacket(packet)
    bytes += packet.body.length
    if (bytes > bounds.maxBytes) throw new UpstreamMisbehavedError(`more than ${bounds.maxBytes} bytes came`)
    if (packet.code === PacketCode.RequestComplete) {
      const complete = readCompletion(line, packet.body)
      if (equalBytes(complete.requestId, request.requestId)) {
        yield { complete }
        return
      }
      bounds.onForeign()
      barren++
    } else if (packet.code === PacketCode.P2PMessage) {
      const raws = envelopesOf(packet.body)
      envelopes += raws.length
      if (envelopes > bounds.maxEnvelopes) {
        throw new UpstreamMisbehavedError(`more than ${bounds.maxEnvelopes} envelopes came`)
      }
      yield* inParts(raws)
      if (raws.length === 0) barren++
    }
    if (barren > answer.barren) throw new UpstreamMisbehavedError(`more than ${answer.barren} packets brought nothing`)
  }
  throw new UpstreamMisbehavedError('the answer ended without a completion')
}

function readCompletion({ codec }: MailLine, body: Uint8Array): RequestComplete {
  try {
    return codec.decodeComplete(body)
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw new UpstreamMisbehavedError('a completion cannot be read', { cause })
  }
}

/** Some requesters disconnect on what is no envelope, so each one is looked at. */
function envelopesOf(body: Uint8Array): Uint8Array[] {
  try {
    return splitP2PMessage(body).map(({ raw }) => {
      if (raw.length > MAX_PACKED_ENVELOPE) throw new UpstreamMisbehavedError('an envelope is larger than a packet')
      return decodeEnvelope(raw).raw
    })
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause
    throw new UpstreamMisbehavedError('a P2P Message holds something else than envelopes', { cause })
  }
}

function* inParts(raws: readonly Uint8Array[]): Generator<AnswerPart, void> {
  let part: Uint8Array[] = []
  let bytes = 0
  for (const raw of raws) {
    if (part.length > 0 && bytes + raw.length > PART_BYTES) {
      yield { raws: part, bytes }
      part = []
      bytes = 0
    }
    part.push(raw)
    bytes += raw.length
  }
  if (part.length > 0) yield { raws: part, bytes }
}
