import type { View } from '../view.js'
import { bytes, count, momentOf, span } from './format.js'

const SIGNS = { ok: '✓', warning: '!', failed: '✗', unknown: '?' } as const
const WORDS = { ok: 'well', warning: 'look', failed: 'fails', unknown: 'not known' } as const
const NAMES: Record<string, string> = {
  archive_reads: 'Archive reads',
  archive_writes: 'Archive writes',
  damage: 'Damage',
  disk: 'Disk',
  listeners: 'Listeners',
  upstreams: 'Upstreams',
  clock: 'Clock',
  canary: 'Canary'
}

export function HealthView({ view }: { view: View }) {
  const { snapshot, health, forecast, sample } = view
  const { archive, disk, peers, lastStored, now, started } = snapshot
  const fills = forecast?.days === undefined ? '' : `, full in ${span(forecast.days * 86_400)}`
  return (
    <>
      <ul class="checks" aria-label="Checks">
        {health.map(({ name, status, reason }) => (
          <li class={status}>
            <span class="sign" aria-hidden="true">
              {SIGNS[status]}
            </span>
            <strong>{NAMES[name]}</strong>
            <span class="hidden">: {WORDS[status]}. </span>
            <span class="reason">{reason}</span>
          </li>
        ))}
      </ul>
      <h2>In numbers</h2>
      <dl class="tiles">
        <Tile name="Envelopes" value={count(archive.envelopes)} more={bytes(archive.bytes)} />
        <Tile name="Oldest" value={momentOf(archive.oldest)} more="by when it was sent" />
        <Tile name="Newest" value={momentOf(archive.newest)} more="by when it was sent" />
        <Tile
          name="Stored last"
          value={lastStored === undefined ? '–' : `${span(now - lastStored)} ago`}
          more={`${count(sample?.stored ?? 0)} in the last ten seconds`}
        />
        <Tile
          name="Disk"
          value={disk === undefined ? '–' : `${bytes(disk.free)} free`}
          more={disk === undefined ? 'not known' : `of ${bytes(disk.size)}${fills}`}
        />
        <Tile
          name="Peers"
          value={count(peers.libp2p + peers.devp2p)}
          more={`${peers.libp2p} libp2p, ${peers.devp2p} devp2p`}
        />
        <Tile name="Requests" value={count(snapshot.mailserver.requests)} more="since the start" />
        <Tile name="Up for" value={span(now - started)} more={`version ${view.version}`} />
      </dl>
    </>
  )
}

function Tile({ name, value, more }: { name: string; value: string; more: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{value}</b> <span class="quiet">{more}</span>
      </dd>
    </div>
  )
}
