import type { ArchiveHours } from '../archive-hours.js'
import { compact, count, dayOf, momentOf } from './format.js'
import { useFetched } from './live.js'
import { Table } from './table.js'

const HOUR = 3600
const LEVELS = 5
const KINDS = ['the node did not run', 'the node could not store', 'damaged', 'not archived']

/** What is archived when, and when this node was not there. */
export function ArchiveView() {
  const calendar = useFetched<ArchiveHours>('/api/archive', 30_000)
  if (calendar === undefined) return <p role="status">The archive is being counted…</p>
  const { days, gaps, oldest, since } = calendar
  const most = Math.max(1, ...days.flatMap(({ hours }) => hours))
  const now = Date.now() / 1000
  const isOut = (from: number): boolean => gaps.some(gap => gap.from < from + HOUR && gap.until >= from)
  return (
    <>
      <p>
        Envelopes by the hour in which they were sent, UTC. The archive began {momentOf(since)}
        {oldest > 0 ? `; what was sent before ${momentOf(oldest)} was deleted` : ''}.
      </p>
      <table class="calendar" aria-label="Envelopes by day and hour">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">Day</span>
            </th>
            {Array.from({ length: 24 }, (_, hour) => (
              <th scope="col" aria-label={`${hour} h`}>
                {hour % 6 === 0 ? hour : ''}
              </th>
            ))}
            <th scope="col" class="sum">
              all
            </th>
          </tr>
        </thead>
        <tbody>
          {days.map(({ from, hours }) => (
            <tr>
              <th scope="row">{dayOf(from)}</th>
              {hours.map((envelopes, hour) => {
                const at = from + hour * HOUR
                const out = at < now && isOut(at)
                const words = `${count(envelopes)}${out ? ', not all of it archived' : ''}`
                return (
                  <td
                    class={`level${levelOf(envelopes, most)} ${out ? 'out' : ''} ${at > now ? 'ahead' : ''}`}
                    title={words}
                  >
                    <span class="hidden">{words}</span>
                  </td>
                )
              })}
              <td class="sum">{compact(hours.reduce((a, b) => a + b, 0))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="legend" aria-hidden="true">
        none
        {Array.from({ length: LEVELS + 1 }, (_, level) => (
          <i class={`level${level}`} />
        ))}
        {compact(most)} an hour <i class="level0 out" /> own outage
      </p>
      <h2>Own outages</h2>
      <Table
        label="Own outages"
        heads={['From', 'Until', 'Why', 'Missing']}
        empty="None in this time."
        rows={gaps.map(({ from, until, kind, count: missing }) => [
          momentOf(from),
          momentOf(until),
          KINDS[kind] ?? 'another reason',
          missing === 0 ? 'not known' : count(missing)
        ])}
      />
    </>
  )
}

function levelOf(envelopes: number, most: number): number {
  return envelopes === 0 ? 0 : Math.max(1, Math.ceil((LEVELS * Math.log1p(envelopes)) / Math.log1p(most)))
}
