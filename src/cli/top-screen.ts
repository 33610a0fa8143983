import type { View } from '../admin/view.js'
import { counted } from '../base/counted.js'
import { formatByteSize } from '../node/settings/byte-size.js'
import { printable } from './output.js'
import { formatMoment, table } from './table.js'

const SIGNS = { ok: 'ok', warning: 'warns', failed: 'FAILS', unknown: '?' } as const
const DAY = 86_400

/** What the page shows, for a terminal of so many lines and columns. */
export function topScreen(view: View, size: { rows: number; columns: number }): string {
  const { snapshot, health, sample, forecast, failures, throttled, topics, version } = view
  const { archive, disk, peers, memory, now, started, lastStored, loop } = snapshot
  const range =
    archive.oldest === undefined || archive.newest === undefined
      ? ''
      : `, sent ${formatMoment(archive.oldest)} to ${formatMoment(archive.newest)}`
  const fills = forecast?.days === undefined ? '' : `, full in ${forecast.days.toFixed(1)} days`
  const perSecond = (count: number | undefined): string => ((count ?? 0) / 10).toFixed(1)
  const ms = (seconds: number | undefined): string => `${((seconds ?? 0) * 1000).toFixed(1)} ms`
  const lines = [
    `waku-mailserver ${version}   ${formatMoment(now)} UTC   up ${span(now - started)}`,
    '',
    `archive   ${counted(archive.envelopes, 'envelope')}, ${formatByteSize(archive.bytes)}${range}`,
    `stored    ${perSecond(sample?.stored)}/s of ${perSecond(sample?.received)}/s received, ${perSecond(sample?.refused)}/s refused; ` +
      `last ${lastStored === undefined ? 'none since the start' : `${span(now - lastStored)} ago`}`,
    `requests  ${perSecond(sample?.answered)}/s answered, ${perSecond(sample?.failed)}/s failed; half in ${ms(sample?.median)}, 95 % in ${ms(sample?.p95)}`,
    `peers     ${peers.libp2p} libp2p, ${peers.devp2p} devp2p; ${counted(throttled.length, 'address', 'addresses')} throttled`,
    `disk      ${disk === undefined ? 'not known' : `${formatByteSize(disk.free)} free of ${formatByteSize(disk.size)}${fills}`}`,
    `process   ${formatByteSize(memory.rss)}, event loop late by ${ms(loop.p99)}`,
    '',
    ...health.map(({ name, status, reason }) => `${SIGNS[status].padEnd(6)} ${name.padEnd(15)} ${reason}`)
  ]
  if (topics.length > 0) {
    const rows = topics
      .slice(0, 5)
      .map(({ name, envelopes, bytes }) => [name, String(envelopes), formatByteSize(bytes)])
    lines.push('', ...table(['busiest topics', 'envelopes', 'bytes'], rows).split('\n'))
  }
  if (failures.length > 0) {
    const rows = failures
      .slice(0, 5)
      .map(({ at, network, outcome, reason }) => [formatMoment(at), network, outcome, reason ?? ''])
    lines.push('', ...table(['failed requests', 'network', 'why', 'in words'], rows).split('\n'))
  }
  return lines
    .slice(0, size.rows)
    .map(line => printable(line).slice(0, size.columns))
    .join('\n')
}

function span(seconds: number): string {
  if (seconds < 90) return `${seconds} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return seconds < 2 * DAY ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / DAY)} days`
}
