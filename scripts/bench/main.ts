import '../../src/base/polyfill.js'
import { archiveBench } from './archive.js'
import { cassandraBench } from './cassandra.js'
import { firstPageBench } from './first-page.js'
import { freshBench } from './fresh.js'
import { clean, fullBench } from './full/full.js'
import { historyBench } from './history.js'
import { IDLE_PARTS, type IdlePart, idleBench } from './idle.js'
import { importBench } from './import.js'
import { mailboxBench } from './mailbox.js'
import type { Network } from './phones.js'
import { type Line, print } from './report.js'
import { retentionBench } from './retention.js'
import { stormBench } from './storm.js'

// `npm run bench [-- <envelopes>]`: the archive by itself, then whole histories between two processes.
// `npm run bench -- --full [phase [envelopes]]`: archives of up to 5,000,000 beside status-go's layout.
// `npm run bench -- mailbox [envelopes]`: one client that was away for a week, 1,000,000 envelopes.
// `npm run bench -- fresh [libp2p | devp2p]`: the first page of a process that has just started; also Go programs.
// `npm run bench -- idle [phones] [bare | silent | listening]`: many that are connected and say nothing, 5000; also Go programs.
// `npm run bench -- cassandra [envelopes]`: turns and room of an archive on three nodes of Cassandra, 20,000; needs Java 17 and Maven.
// `npm run bench -- storm [libp2p | devp2p] [--full]`: many phones at once, which are Go programs.
interface BenchOptions {
  full: boolean
  count: number
  phones: number
  networks: readonly Network[]
  parts: readonly IdlePart[]
}

const NAMED: Record<string, [title: string, run: (options: BenchOptions) => Promise<Line[]>]> = {
  cassandra: ['An archive on three nodes of Cassandra', () => cassandraBench(Number(given[1] ?? 20_000))],
  storm: ['Phones that come back all at once', stormBench],
  fresh: ['The first page of a fresh process, and those after it', ({ networks }) => freshBench(networks)],
  idle: ['Phones that are connected and silent', ({ phones, parts }) => idleBench(phones, parts)],
  mailbox: ['A mailbox that was away for a week, two processes', ({ count }) => mailboxBench(count)]
}

const given = process.argv.slice(2)
const named = NAMED[given[0] ?? '']
if (given[0] === '--full') {
  const [, phase, size] = given
  if (phase === 'clean') await clean()
  else await fullBench(phase, size === undefined ? undefined : Number(size))
} else if (named === undefined) {
  const count = Number(given[0] ?? 200_000)
  if (!Number.isInteger(count) || count < 1000) {
    process.stderr.write(`usage: npm run bench -- [envelopes, 1000 or more | ${Object.keys(NAMED).join(' | ')}]\n`)
    process.exit(2)
  }
  const benches: [title: string, run: (count: number) => Promise<Line[]>][] = [
    ['The archive', archiveBench],
    ['A day of thirty goes', retentionBench],
    ['History over libp2p, two processes', historyBench],
    ['An import', importBench],
    ['A client that was away, over TCP and over WebSocket', () => firstPageBench(20_000)]
  ]
  for (const [title, run] of benches) {
    process.stdout.write(`\n${title}\n`)
    print(await run(count))
  }
} else {
  const [title, run] = named
  process.stdout.write(`${title}\n`)
  const only = (['libp2p', 'devp2p'] as const).filter(network => given.includes(network))
  const parts = IDLE_PARTS.filter(part => given.includes(part))
  const count = Number(given[1] ?? 1_000_000)
  print(
    await run({
      full: given.includes('--full'),
      phones: Number(given[1] ?? 5000),
      count: count >= 1000 ? count : 1_000_000,
      networks: only.length > 0 ? only : ['libp2p', 'devp2p'],
      parts: parts.length > 0 ? parts : IDLE_PARTS
    })
  )
}
