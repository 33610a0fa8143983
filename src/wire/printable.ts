/** Longest text taken from a peer or sent to one, in bytes of UTF-8. */
export const MAX_TEXT = 200

/** Terminal control sequences (ECMA-48 CSI), whole or cut off at the end. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for
const CONTROL_SEQUENCE = /(?:\u001b\[|\u009b)[0-?]*[ -/]*(?:[@-~]|$)/gu

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/**
 * Text that is safe to log and to show: one line, without terminal sequences and without control, formatting or
 * unassigned characters, at most 200 bytes of UTF-8. Bytes are read as UTF-8; what is none is replaced.
 */
export function printable(text: string | Uint8Array): string {
  // what lies further behind cannot be shown anyway, so that a huge text costs nothing
  const raw = typeof text === 'string' ? text.slice(0, MAX_TEXT) : decoder.decode(text.subarray(0, MAX_TEXT))
  const line = raw
    .replace(CONTROL_SEQUENCE, '')
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
  let shown = ''
  let length = 0
  for (const character of line) {
    length += encoder.encode(character).length
    if (length > MAX_TEXT) break
    shown += character
  }
  return shown.trimEnd()
}
