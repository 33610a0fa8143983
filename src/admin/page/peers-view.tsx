import type { Sample } from '../samples.js'
import type { View } from '../view.js'
import { Chart } from './chart.js'
import { compact, count } from './format.js'
import { useFetched } from './live.js'
import { Table } from './table.js'

const LINES = [
  { label: 'libp2p', colour: 'blue', of: (s: Sample) => s.libp2p },
  { label: 'devp2p', colour: 'orange', of: (s: Sample) => s.devp2p }
]

export function PeersView({ view }: { view: View }) {
  const samples = useFetched<Sample[]>('/api/samples?seconds=86400', 10_000) ?? []
  const { peers, connections, waku, devp2p } = view.snapshot
  return (
    <>
      <Chart title="Peers in the last day" samples={samples} lines={LINES} format={compact} />
      <Table
        label="Peers now"
        heads={['Network', 'Peers', 'Connections']}
        empty=""
        rows={[
          ['libp2p', count(peers.libp2p), count(connections)],
          ['devp2p', count(peers.devp2p), count(peers.devp2p)]
        ]}
      />
      <h2>Since the start</h2>
      <Table
        label="Conversations since the start"
        heads={['What', 'How many']}
        empty=""
        rows={[
          ['Conversations that became ready', count(waku.sessions_ready)],
          ['Conversations that failed', count(waku.sessions_failed)],
          ['Handshakes that failed', count(waku.handshakes_failed)],
          ['Peers that speak no capability of ours', count(waku.useless_peers)],
          ['devp2p connections', count(devp2p.connections)],
          ['Signs of one identity in two places', count((waku.twins_of_peers ?? 0) + (waku.twins_of_own ?? 0))]
        ]}
      />
    </>
  )
}
