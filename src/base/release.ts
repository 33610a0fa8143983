/** Fewer bytes are soon collected, bytes. */
const WORTH = 16 * 1024

/** A port that is closed. */
let nowhere: MessagePort | undefined

/**
 * Gives the memory of bytes back at once; they are empty afterwards, and so is whatever else lies in their buffer. What is left to the
 * collector stays until it has seen 64 MiB of such, or more, and the allocator keeps what came in between.
 */
export function release({ buffer }: Uint8Array): void {
  if (nowhere === undefined) {
    nowhere = new MessageChannel().port1
    nowhere.close()
  }
  // what is transferred and never arrives is freed
  nowhere.postMessage(undefined, [buffer as ArrayBuffer])
}

/** What may stand around bytes in a buffer of their own: a header, padding. */
const AROUND = 64

/**
 * The same where they are so many that it is worth it. To be called only for bytes in a buffer that was made for them: how large it is does
 * not tell, since what a network brings in one piece may end with a few bytes of what comes next, which somebody else still holds.
 */
export function releaseLarge(bytes: Uint8Array): void {
  if (bytes.length >= WORTH && bytes.buffer.byteLength - bytes.length <= AROUND) release(bytes)
}
