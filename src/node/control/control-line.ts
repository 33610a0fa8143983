import type { Readable } from 'node:stream'

/** A request to the control socket, one JSON object on a line. */
export interface ControlRequest {
  command: string
  params?: unknown
}

/** How far a command is: any number of lines before the answer. */
export interface ControlProgress {
  progress: unknown
}

/** Its answer, one JSON object on a line; an error is named so that the other side can tell kinds apart. */
export type ControlResponse = { ok: true; result: unknown } | { ok: false; error: { name: string; message: string } }

/** The other side of the control socket did not speak as it should, or not in time. */
export class ControlError extends Error {
  static override readonly name = 'ControlError'
  override readonly name = 'ControlError'
}

/** The lines of a stream, pulled. Throws `ControlError` when one is longer than `maxBytes`. */
export async function* readLines(stream: Readable, maxBytes: number): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let length = 0
  // whoever reads the lines may still have something to say on this socket when they end
  for await (const data of stream.iterator({ destroyOnReturn: false })) {
    let chunk = data as Buffer
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a)) {
      parts.push(chunk.subarray(0, end))
      if (length + end > maxBytes) throw tooLong(maxBytes)
      yield Buffer.concat(parts).toString('utf8')
      parts = []
      length = 0
      chunk = chunk.subarray(end + 1)
    }
    parts.push(chunk)
    length += chunk.length
    if (length > maxBytes) throw tooLong(maxBytes)
  }
}

function tooLong(maxBytes: number): ControlError {
  return new ControlError(`a line on the control socket is longer than ${maxBytes} bytes`)
}
