import { ValueError } from './value-error.js'

const FACTORS: Record<string, number> = {
  '': 1,
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3
}

export const BYTE_SIZE = 'a number of bytes such as 1048576, 512KiB, 64MiB or 2GB'

/** Reads a number of bytes, 0..2^53-1. Throws `ValueError`. */
export function parseByteSize(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? []
  const factor = FACTORS[(unit ?? 'none').toLowerCase()]
  const bytes = factor === undefined ? Number.NaN : Number(count) * factor
  if (!Number.isSafeInteger(bytes)) throw new ValueError(BYTE_SIZE, text)
  return bytes
}

/** `1.5 MiB`, for people. */
export function formatByteSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const factor = FACTORS[unit.toLowerCase()] ?? 1
    if (bytes >= factor) return `${(bytes / factor).toFixed(1)} ${unit}`
  }
  return `${bytes} bytes`
}
