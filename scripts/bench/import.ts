import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sinkOf } from '../../src/cli/archive-link.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { openDataDir } from '../../src/node/data-dir/data-dir.js'
import { identityOf } from '../../src/node/data-dir/identity.js'
import { openOffline } from '../../src/node/offline.js'
import { type ImportSummary, runImport } from '../../src/transfer/import.js'
import { LevelSource } from '../../src/transfer/level-source.js'
import { Prng } from '../../test/archive/prng.js'
import { Traffic } from '../../test/archive/traffic.js'
import { type LegacyForm, legacyKey, openLegacy } from '../../test/transfer/legacy-level.js'
import { raw } from './raw-level.js'
import { type Line, megabytes } from './report.js'

/** Measures an import from the LevelDB of each legacy mailserver, beside a read of the same database by itself. */
export async function importBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const lines: Line[] = []
  for (const form of ['status-go', 'go-ethereum'] as const) {
    const folder = await mkdtemp(join(tmpdir(), 'waku-bench-'))
    try {
      const bytes = await write(join(folder, 'old'), form, count)
      const limit = await raw(join(folder, 'old'))
      const { envelopes, stored, seconds, cpu } = await run(folder)
      if (stored !== count) throw new Error(`${stored} of ${count} envelopes were stored`)
      const rate = Math.round(envelopes / seconds)
      const share = Math.round((100 * rate) / limit)
      // what other programs take of the machine counts in the first, and not in the last
      const busy = `${Math.round(envelopes / cpu)} env/s of processor time`
      lines.push([`LevelDB of ${form}`, `${rate} env/s (${megabytes(bytes)}), ${share} % of reading it alone; ${busy}`])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  return lines
}

async function write(folder: string, form: LegacyForm, count: number): Promise<number> {
  const level = await openLegacy(folder)
  let bytes = 0
  for (const batch of new Traffic(new Prng(1), { count, days: 30 }).batches(1000)) {
    await level.batch(batch.map(envelope => ({ type: 'put', key: legacyKey(envelope, form), value: envelope.raw })))
    bytes += batch.reduce((sum, { size }) => sum + size, 0)
  }
  await level.close()
  return bytes
}

async function run(folder: string): Promise<ImportSummary & { cpu: number }> {
  const dir = await openDataDir(join(folder, 'data'))
  await identityOf(dir)
  const offline = await openOffline(dir, { rules: { retention: 'forever' } })
  const { signal } = new AbortController()
  const source = await LevelSource.open(join(folder, 'old'), { place: join(dir.path, 'import-0') })
  try {
    const sink = sinkOf((command, params) => offline.ask(command, params, { signal }) as never)
    const before = process.cpuUsage()
    const summary = await runImport(source, sink, { lower: 0, upper: 0xffffffff, signal })
    const { user, system } = process.cpuUsage(before)
    return { ...summary, cpu: (user + system) / 1e6 }
  } finally {
    await source.close()
    await offline.close()
  }
}
