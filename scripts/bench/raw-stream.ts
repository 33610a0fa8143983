import type { Stream } from '@libp2p/interface'
import { pEvent } from 'p-event'

const CHUNK = 256 * 1024

/** So many bytes, as fast as a libp2p stream takes them. */
export async function sendRaw(stream: Stream, bytes: number): Promise<void> {
  const chunk = new Uint8Array(CHUNK)
  for (let left = bytes; left > 0; left -= CHUNK) {
    if (!stream.send(chunk.subarray(0, Math.min(left, CHUNK)))) {
      await pEvent(stream, 'drain', { rejectionEvents: ['close'] })
    }
  }
  await stream.close()
}
