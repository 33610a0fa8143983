import '../../src/base/polyfill.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { identityOf } from '../../src/node/data-dir/identity.js'
import { openStore } from '../../src/node/data-dir/store.js'
import { ClientPeer } from '../../src/node/peer/client-peer.js'
import { parsePeerAddress } from '../../src/node/settings/peer-address.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { startNode } from '../../test/cli/processes.js'
import { newEnvelope, unixNow } from '../../test/helpers/envelopes.js'
import { tempDir } from '../../test/node/temp-dir.js'
import { type Line, print, quantile } from './report.js'

const ROUNDS = 15
const BATCH = 2000
/** Small ones: what is told for each request weighs most there. */
const PAGE = 20
/** A message that is confirmed is one append. */
const POSTS = 100

/** What metrics cost: the same work by two nodes in turns, one with the admin listener and one without. */
export async function metricsBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const ends: (() => unknown)[] = []
  const scope = { after: (end: () => unknown) => void ends.unshift(end) }
  try {
    const told = await visitorOf(scope, count, [])
    const untold = await visitorOf(scope, count, ['--no-admin'])
    const times = {
      told: { history: [] as number[], posts: [] as number[] },
      untold: { history: [] as number[], posts: [] as number[] }
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const [visitor, into] of round % 2 === 0
        ? ([
            [told, times.told],
            [untold, times.untold]
          ] as const)
        : ([
            [untold, times.untold],
            [told, times.told]
          ] as const)) {
        into.history.push(await visitor.history(count))
        into.posts.push(await visitor.post())
      }
    }
    const scrapes: number[] = []
    for (let i = 0; i < 50; i++) scrapes.push(await told.scrape())
    const line = (what: 'history' | 'posts'): string => {
      const [on, off] = [quantile(times.told[what], 0.5), quantile(times.untold[what], 0.5)]
      return `with metrics ${on.toFixed(1)} ms, without ${off.toFixed(1)} ms, ${(on / off).toFixed(2)} x`
    }
    return [
      [`${count} envelopes in pages of ${PAGE}`, line('history')],
      [`${POSTS} messages, each confirmed after its synced write`, line('posts')],
      ['a look at /metrics', `p50 ${quantile(scrapes, 0.5).toFixed(1)} ms`]
    ]
  } finally {
    for (const end of ends) await end()
  }
}

type Ends = { after(end: () => unknown): void }

/** A node with so many envelopes, and a client that times what it asks of it. */
async function visitorOf(scope: Ends, count: number, args: string[]) {
  const cwd = tempDir(scope as never)
  const dir = await openDataDir(join(cwd, 'waku-data'))
  await identityOf(dir)
  const store = await openStore(dir)
  for (let done = 0; done < count; done += BATCH) {
    const sent = unixNow() - 3600 + Math.floor(done / BATCH)
    await store.archive.append(Array.from({ length: Math.min(BATCH, count - done) }, () => newEnvelope({ sent })))
  }
  await store.close()
  const node = await startNode(scope as never, cwd, ['--no-devp2p', ...args])
  const server = parsePeerAddress(node.address)
  const client = await ClientPeer.open({ dataDir: join(cwd, 'client'), trustOnly: server.peer })
  scope.after(() => client.close())
  const signal = AbortSignal.timeout(280_000)
  await client.connect(server, { signal, timeout: 20_000 })
  const requestKey = await keyFromPassword(readFileSync(dir.password, 'utf8').trim())
  const timed = async (work: () => Promise<void>): Promise<number> => {
    const began = performance.now()
    await work()
    return performance.now() - began
  }
  const to = unixNow() - 600
  return {
    history: (expected: number) =>
      timed(async () => {
        let got = 0
        const query = { server: server.peer, network: server.network, from: 0, to, pageSize: PAGE, requestKey, signal }
        for await (const { envelopes } of client.mailclient.history(query)) got += envelopes.length
        if (got !== expected) throw new Error(`${got} of ${expected} envelopes came`)
      }),
    post: () =>
      timed(async () => {
        for (let i = 0; i < POSTS; i++) await client.waku.post({ envelope: newEnvelope(), to: server.peer })
      }),
    scrape: () => timed(async () => void (await (await fetch(new URL('/metrics', node.admin))).text()))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) print(await metricsBench(Number(process.argv[2] ?? 4000)))
