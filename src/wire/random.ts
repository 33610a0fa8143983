/** Fills with unpredictable bytes. Tests and vector generation inject a fixed one. */
export type RandomSource = (length: number) => Uint8Array

export const randomBytes: RandomSource = length => {
  const bytes = new Uint8Array(length)
  for (let offset = 0; offset < length; offset += 65_536) {
    globalThis.crypto.getRandomValues(bytes.subarray(offset, offset + 65_536))
  }
  return bytes
}
