import '../../src/base/polyfill.js'
import { archiveBench } from './archive.js'
import { firstPageBench } from './first-page.js'
import { historyBench } from './history.js'
import { type Line, print } from './report.js'

// `npm run bench [-- <envelopes>]`: the archive by itself, then whole histories between two processes.
const count = Number(process.argv[2] ?? 200_000)
if (!Number.isInteger(count) || count < 1000) {
  process.stderr.write('usage: npm run bench -- [envelopes, 1000 or more]\n')
  process.exit(2)
}

const benches: [title: string, run: (count: number) => Promise<Line[]>][] = [
  ['The archive', archiveBench],
  ['History over libp2p, two processes', historyBench],
  ['A client that was away, over TCP and over WebSocket', () => firstPageBench(20_000)]
]
for (const [title, run] of benches) {
  process.stdout.write(`\n${title}\n`)
  print(await run(count))
}
