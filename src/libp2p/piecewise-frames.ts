import type { Uint8ArrayList } from 'uint8arraylist'

const HEADER = 12
const VERSION = 0
const DATA = 0
/** FIN and RST: they hold for what is behind the frame. */
const LAST = 0x0c

interface Header {
  type: number
  flag: number
  streamID: number
  length: number
}

interface Frame {
  header: Header
  data?: Uint8ArrayList
}

/** What yamux reads frames with. */
interface Decoder {
  buffer: Uint8ArrayList
  readFrame(): Frame | undefined
}

/**
 * Has yamux hand over what a frame carries as it arrives. By itself it keeps a frame until all of it is there, however long it says
 * it is, before it asks whether its stream may be sent so much: four bytes of a header would have a node keep gigabytes. In pieces
 * each is judged by the window of its stream at once, and what is kept is counted where the stream is read.
 */
export function readPiecewise(muxer: object): void {
  const { decoder } = muxer as { decoder?: Decoder }
  // another muxer, or another version of it
  if (decoder?.buffer === undefined || typeof decoder.readFrame !== 'function') return
  const readWhole = decoder.readFrame.bind(decoder)
  /** Of a frame of which only a part came. */
  let unfinished: Header | undefined
  decoder.readFrame = () => {
    const { buffer } = decoder
    if (unfinished === undefined) {
      if (buffer.byteLength < HEADER) return undefined
      // it knows what to say of what it cannot read
      if (buffer.get(0) !== VERSION || buffer.get(1) !== DATA) return readWhole()
    } else if (buffer.byteLength === 0) return undefined
    const header = unfinished ?? readHeader(buffer)
    const length = Math.min(header.length, buffer.byteLength)
    const left = header.length - length
    unfinished = left === 0 ? undefined : { ...header, flag: header.flag & LAST, length: left }
    const flag = left === 0 ? header.flag : header.flag & ~LAST
    const data = buffer.sublist(0, length)
    buffer.consume(length)
    return { header: { ...header, flag, length }, data }
  }
}

function readHeader(buffer: Uint8ArrayList): Header {
  const header = {
    type: DATA,
    flag: buffer.getUint16(2),
    streamID: buffer.getUint32(4),
    length: buffer.getUint32(8)
  }
  buffer.consume(HEADER)
  return header
}
