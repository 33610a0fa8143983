import { readFileSync } from 'node:fs'

/** One result: what was measured, and what came out. */
export type Line = [name: string, result: string]

/** Lines of a bench that takes long: each is told when it is known, and printed with the others in the end. */
export function toldAtOnce(): { lines: Line[]; add: (name: string, result: string) => void } {
  const lines: Line[] = []
  const add = (name: string, result: string): void => {
    lines.push([name, result])
    process.stderr.write(`${name}: ${result}\n`)
  }
  return { lines, add }
}

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

/** `p50 / p95 / p99` of times in milliseconds. */
export function tail(times: number[]): string {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map(share => quantile(times, share).toFixed(1))
  return `p50 ${p50} p95 ${p95} p99 ${p99} ms`
}

export function quantile(times: number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Watches the memory of this process that is not a file's: mapped database files come and go as the system likes. */
export function anonymousMemory(): { stop(): string } {
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, anonymousBytes())
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

/** What this process holds now; 0 where it is not known. */
export function anonymousBytes(): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status())?.[1] ?? 0) * 1024
}

function status(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8')
  } catch {
    return ''
  }
}
