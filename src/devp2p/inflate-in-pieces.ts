import { release } from '../base/release.js'
import * as FIGURES from '../limits/figures.js'
import { Inflation } from './snappy.js'

/**
 * Inflates a large block in pieces, so that it keeps nobody waiting, and gives back at once what is not needed any more.
 *
 * @param size bytes that it declares
 * @param inPieces calls a step until that says it is over, or nobody wants it any more
 * @returns undefined when nobody did
 * @throws what `Inflation` does
 */
export async function inflateInPieces(
  block: Uint8Array,
  size: number,
  inPieces: (step: () => boolean) => Promise<void>
): Promise<Uint8Array | undefined> {
  const inflation = new Inflation(block, size)
  let body: Uint8Array | undefined
  try {
    await inPieces(() => {
      body = inflation.more(FIGURES.devp2p.chunk)
      return body !== undefined
    })
  } finally {
    if (body === undefined && inflation.bytes !== undefined) release(inflation.bytes)
    // a literal is a view of the block
    if (body?.buffer !== block.buffer) release(block)
  }
  return body
}
