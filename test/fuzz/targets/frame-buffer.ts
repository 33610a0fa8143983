import { FrameBuffer } from '../../../src/libp2p/frame-buffer.js'
import { FrameTooLargeError } from '../../../src/libp2p/frame-errors.js'
import { joinBytes } from '../../../src/wire/bytes.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { MAX_FRAME } from '../../../src/wire/packet/packet-frame.js'
import { attempt, check, checkBytes, checkSame, type FuzzTarget } from '../oracle.js'

interface Outcome {
  frames: Uint8Array[]
  error: string | undefined
  left: number
}

function run(chunks: Iterable<Uint8Array>): Outcome {
  const buffer = new FrameBuffer()
  const frames: Uint8Array[] = []
  for (const chunk of chunks) {
    buffer.push(chunk)
    for (;;) {
      const taken = attempt(() => buffer.take(), MalformedError, FrameTooLargeError)
      if ('error' in taken) return { frames, error: taken.error.message, left: 0 }
      if (taken.value === undefined) break
      check(taken.value.length > 0 && taken.value.length <= MAX_FRAME, 'a frame out of its range')
      frames.push(taken.value.slice())
    }
  }
  check(buffer.partial || buffer.length === 0, 'bytes wait, and nothing is begun')
  return { frames, error: undefined, left: buffer.length }
}

/** Pieces whose sizes the first byte decides. */
function* cut(bytes: Uint8Array, seed: number): Generator<Uint8Array> {
  let state = seed
  for (let at = 0; at < bytes.length; ) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff
    const size = 1 + ((state >> 8) % (1 + (seed & 63)))
    yield bytes.subarray(at, at + size)
    at += size
  }
}

function varint(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  if (length < 0x4000) return Uint8Array.of((length & 0x7f) | 0x80, length >> 7)
  return Uint8Array.of((length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14)
}

/** A stream, in one piece and in many: the same frames, the same refusal, and the frames are what came. */
export const fuzz: FuzzTarget = input => {
  const stream = input.subarray(1)
  const whole = run([stream])
  checkSame(run(cut(stream, input[0] ?? 0)), whole, 'pieces change what is read')
  const read = joinBytes(whole.frames.flatMap(frame => [varint(frame.length), frame]))
  checkBytes(read, stream.subarray(0, read.length), 'frames are not what came')
  return whole.frames.length > 0
}
