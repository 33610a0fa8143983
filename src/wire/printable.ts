/** Longest text taken from a peer or sent to one, in bytes of UTF-8. */
export const MAX_TEXT = 200

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/**
 * Text that is safe to log and to show: one line, no control, formatting or unassigned characters, at most 200 bytes
 * of UTF-8. Bytes are read as UTF-8; what is none is replaced.
 */
export function printable(text: string | Uint8Array): string {
  // what lies further behind cannot be shown anyway, so that a huge text costs nothing
  const raw = typeof text === 'string' ? text.slice(0, MAX_TEXT) : decoder.decode(text.subarray(0, MAX_TEXT))
  const line = raw.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  let shown = ''
  let length = 0
  for (const character of line) {
    length += encoder.encode(character).length
    if (length > MAX_TEXT) break
    shown += character
  }
  return shown.trimEnd()
}
