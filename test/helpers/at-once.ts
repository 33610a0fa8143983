import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Connection, MessageStreamStatus, StreamMuxer } from '@libp2p/interface'
import { encode } from 'uint8-varint'
import { FrameBuffer } from '../../src/libp2p/frame-buffer.js'
import type { Packet } from '../../src/waku/packet-channel.js'
import { decodeFrame } from '../../src/wire/packet/packet-frame.js'

/** What the other side sent until the stream was over, and how that ended. */
export interface SeenEnvelopes {
  packets: Packet[]
  status: MessageStreamStatus
}

const DEADLINE = 10_000

/**
 * Opens a stream as implementations do that do not wait for the answer to their negotiation: it, the frames and the end of
 * our side leave in one piece. `act` is called when they left.
 */
export async function writeAtOnce(
  connection: Connection,
  protocol: string,
  frames: Uint8Array,
  act: () => void = () => {}
): Promise<SeenEnvelopes> {
  const lines = Buffer.concat(['/multistream/1.0.0', protocol].map(line))
  // a connection opens negotiated streams only
  const { muxer } = connection as unknown as { muxer: StreamMuxer }
  const stream = await muxer.createStream()
  const heard: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => heard.push(data.subarray()))
  const over = once(stream as unknown as EventTarget, 'close', { signal: AbortSignal.timeout(DEADLINE) })
  stream.send(Buffer.concat([lines, frames]))
  await stream.close()
  act()
  await over
  const bytes = Buffer.concat(heard)
  const answered = bytes.subarray(0, lines.length)
  assert.deepEqual(answered, lines.subarray(0, answered.length), 'the negotiation is agreed to line by line')
  const buffer = new FrameBuffer()
  buffer.push(bytes.subarray(lines.length))
  const packets: Packet[] = []
  for (let frame = buffer.take(); frame !== undefined; frame = buffer.take()) packets.push(decodeFrame(frame))
  return { packets, status: stream.status }
}

function line(text: string): Uint8Array {
  const bytes = Buffer.from(`${text}\n`)
  return Buffer.concat([encode(bytes.length), bytes])
}
