import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileTrouble } from '../node/data-dir/file-trouble.js'

/** The payload cannot be read, or is larger than any envelope. */
export class PayloadError extends Error {
  static override readonly name = 'PayloadError'
  override readonly name = 'PayloadError'
}

/** An envelope with its padding, encryption and packet must stay within 1 MiB. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024 - 1024

export interface PayloadSource {
  /** Given on the command line. */
  text?: string | undefined
  file?: string | undefined
  stdin: Readable
}

/** The bytes to post: of the text, of the file, or else of standard input. Throws `PayloadError`. */
export async function readPayload(source: PayloadSource, options: { signal: AbortSignal }): Promise<Uint8Array> {
  const { text, file, stdin } = source
  if (text !== undefined) return checked(new TextEncoder().encode(text))
  return collect(file === undefined ? stdin : createReadStream(file), file ?? 'standard input', options.signal)
}

async function collect(stream: Readable, name: string, signal: AbortSignal): Promise<Uint8Array> {
  const stop = (): void => {
    stream.destroy(signal.reason)
  }
  signal.addEventListener('abort', stop)
  const chunks: Buffer[] = []
  let length = 0
  try {
    signal.throwIfAborted()
    for await (const chunk of stream) {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_PAYLOAD_BYTES) break
    }
  } catch (err) {
    signal.throwIfAborted()
    throw new PayloadError(`cannot read ${name}: ${fileTrouble(err)}`)
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return checked(Uint8Array.from(Buffer.concat(chunks)))
}

function checked(payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_PAYLOAD_BYTES) throw new PayloadError(`a payload is at most ${MAX_PAYLOAD_BYTES} bytes`)
  return payload
}
