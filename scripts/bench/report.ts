import { readFileSync } from 'node:fs'

/** One result: what was measured, and what came out. */
export type Line = [name: string, result: string]

export function print(lines: Line[]): void {
  const width = Math.max(...lines.map(([name]) => name.length)) + 2
  for (const [name, result] of lines) process.stdout.write(`${name.padEnd(width)}${result}\n`)
}

/** `p50 / p95 / max` of times in milliseconds. */
export function percentiles(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number).toFixed(1)
  return `p50 ${at(0.5)} p95 ${at(0.95)} max ${at(1)} ms`
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

/** Watches the memory of this process that is not a file's: mapped database files come and go as the system likes. */
export function anonymousMemory(): { stop(): string } {
  let peak = 0
  const look = (): void => {
    const found = /^RssAnon:\s+(\d+) kB/m.exec(status())
    if (found?.[1] !== undefined) peak = Math.max(peak, Number(found[1]) * 1024)
  }
  const timer = setInterval(look, 50)
  return {
    stop() {
      clearInterval(timer)
      look()
      return peak === 0 ? 'not known on this system' : megabytes(peak)
    }
  }
}

function status(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    return ''
  }
}
