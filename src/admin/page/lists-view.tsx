import type { View } from '../view.js'
import { bytes, count, momentOf, span } from './format.js'
import { Table } from './table.js'

/** The last requests that were not answered. */
export function RequestsView({ view }: { view: View }) {
  return (
    <>
      <p>
        The last fifty requests that failed, and what their requesters were told. Who asked, and for what, is not kept.
      </p>
      <Table
        label="Failed requests"
        heads={['When', 'Network', 'Form', 'Why', 'In words']}
        empty="None since the start."
        rows={view.failures.map(({ at, network, dialect, outcome, reason }) => [
          momentOf(at),
          network,
          dialect ?? '–',
          outcome,
          reason ?? '–'
        ])}
      />
    </>
  )
}

/** Which topics most is stored of. */
export function TopicsView({ view }: { view: View }) {
  return (
    <>
      <p>
        The busiest topics since the start. Names are salted hashes, new with each start: the same topic has the same
        name, and nobody learns which it is.
      </p>
      <Table
        label="Busiest topics"
        heads={['Topic', 'Envelopes', 'Bytes']}
        empty="Nothing was stored since the start."
        rows={view.topics.map(topic => [<code>{topic.name}</code>, count(topic.envelopes), bytes(topic.bytes)])}
      />
    </>
  )
}

/** What peers met of the bounds of this node. */
export function BoundsView({ view }: { view: View }) {
  const met = Object.entries(view.snapshot.limits).filter(([, times]) => times > 0)
  const refused = Object.entries(view.snapshot.waku).filter(([name, times]) => name.startsWith('refused_') && times > 0)
  const words = (name: string): string => name.replaceAll('_', ' ')
  return (
    <>
      <h2>Throttled addresses</h2>
      <p>Their peers sent something in vain and are read later. Names are salted hashes, new with each start.</p>
      <Table
        label="Throttled addresses"
        heads={['Address', 'Waits for']}
        empty="None now."
        rows={view.throttled.map(({ name, seconds }) => [<code>{name}</code>, span(seconds)])}
      />
      <h2>Refused envelopes</h2>
      <Table
        label="Refused envelopes"
        heads={['Why', 'How many']}
        empty="None since the start."
        rows={refused.map(([name, times]) => [words(name.slice('refused_'.length)), count(times)])}
      />
      <h2>Bounds that were met</h2>
      <Table
        label="Bounds that were met"
        heads={['What happened', 'How often']}
        empty="None since the start."
        rows={met.map(([name, times]) => [words(name), count(times)])}
      />
    </>
  )
}
