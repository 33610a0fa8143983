import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keyFromPassword } from '../../src/index.js'
import { backfillOffline } from '../../src/node/backfill/backfill-offline.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { identityOf } from '../../src/node/data-dir/identity.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { PASSWORD } from './history-protocol.js'
import { type Line, megabytes } from './report.js'
import { ServerProcess } from './server-process.js'

/**
 * Measures a backfill of everything from a mailserver in a process of its own, over libp2p.
 * @param folder - that has its archive, of so many envelopes
 */
export async function backfillBench(count: number, folder: string): Promise<Line[]> {
  await useQuickKeccak()
  const own = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const server = new ServerProcess('./history-server.js', [folder, String(count)])
  try {
    const { addresses } = await server.answer<{ addresses: string[] }>('ready')
    const address = addresses.find(address => !address.includes('/ws')) as string
    const dir = await openDataDir(join(own, 'data'))
    await identityOf(dir)
    const key = toHex(await keyFromPassword(PASSWORD))
    const params = { server: address, from: 0, to: MAX_UINT32, key, pow: 0.002, trust: true }
    const { signal } = new AbortController()
    const before = process.cpuUsage()
    const started = performance.now()
    const { stored, bytes, pages } = await backfillOffline(dir, params, {
      rules: { retention: 'forever' },
      signal,
      report: () => {}
    })
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(before)
    if (stored !== count) throw new Error(`${stored} of ${count} envelopes were stored`)
    const busy = `${Math.round((count * 1e6) / (user + system))} env/s of processor time`
    return [
      ['backfill over libp2p', `${Math.round(count / seconds)} env/s (${megabytes(bytes)}, ${pages} pages); ${busy}`]
    ]
  } finally {
    server.kill()
    await rm(own, { recursive: true, force: true })
  }
}
