import { ValueError } from './value-error.js'

/** As standards write them: a small b stands for bits, which are an eighth, and a small m for thousandths. */
const FACTORS: Record<string, number> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1000,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3
}

const BYTE_SIZE = 'a size with its unit such as 100B, 512KiB, 64MiB or 2GB, in upper and lower case as here'

/** Reads a number of bytes with its unit, 0..2^53-1, or within `range`. Throws `ValueError`. */
export function parseByteSize(text: string, range = { min: 0, max: Number.MAX_SAFE_INTEGER }): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(text.trim()) ?? []
  const factor = unit === undefined || !Object.hasOwn(FACTORS, unit) ? undefined : FACTORS[unit]
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
  return FACTORS[unit] ?? 1
}
