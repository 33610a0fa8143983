import { ValueError } from './value-error.js'

const FACTORS: Record<string, number> = {
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3
}

const BYTE_SIZE = 'a size with its unit such as 100B, 512KiB, 64MiB or 2GB'

/** Reads a number of bytes with its unit, 0..2^53-1, or within `range`. Throws `ValueError`. */
export function parseByteSize(text: string, range = { min: 0, max: Number.MAX_SAFE_INTEGER }): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text.trim()) ?? []
  const factor = FACTORS[(unit ?? 'none').toLowerCase()]
  const bytes = factor === undefined ? Number.NaN : Number(count) * factor
  if (!Number.isSafeInteger(bytes) || bytes < range.min || bytes > range.max) {
    throw new ValueError(byteSizeWithin(range), text)
  }
  return bytes
}

/** The allowed values, for messages. */
export function byteSizeWithin({ min, max }: { min: number; max: number }): string {
  if (max < Number.MAX_SAFE_INTEGER) return `${BYTE_SIZE}, from ${exact(min)} to ${exact(max)}`
  return min === 0 ? BYTE_SIZE : `${BYTE_SIZE}, at least ${exact(min)}`
}

function exact(bytes: number): string {
  const unit = ['GiB', 'MiB', 'KiB'].find(unit => bytes >= factorOf(unit) && bytes % factorOf(unit) === 0) ?? 'B'
  return `${bytes / factorOf(unit)}${unit}`
}

/** `1.5 MiB`, for people. */
export function formatByteSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    if (bytes >= factorOf(unit)) return `${(bytes / factorOf(unit)).toFixed(1)} ${unit}`
  }
  return `${bytes} bytes`
}

function factorOf(unit: string): number {
  return FACTORS[unit.toLowerCase()] ?? 1
}
