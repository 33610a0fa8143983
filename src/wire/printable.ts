/** Longest text taken from a peer or shown to one, in characters. */
export const MAX_TEXT = 200

/**
 * Text that is safe to log and to show: one line, no control, formatting or unassigned characters, at most 200
 * characters. Bytes are read as UTF-8, what is none is replaced.
 */
export function printable(text: string | Uint8Array): string {
  // no character is longer than 4 bytes
  const raw = typeof text === 'string' ? text.slice(0, MAX_TEXT * 4) : decoder.decode(text.subarray(0, MAX_TEXT * 4))
  const line = raw.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
  return [...line].slice(0, MAX_TEXT).join('').trim()
}

const decoder = new TextDecoder('utf-8', { fatal: false })
