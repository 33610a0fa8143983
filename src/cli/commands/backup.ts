import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { counted } from '../../base/counted.js'
import { BACKUP_FILES, recordOf } from '../../node/data-dir/backup-records.js'
import type { DataDir } from '../../node/data-dir/data-dir.js'
import { formatByteSize } from '../../node/settings/byte-size.js'
import { plainOption } from '../../node/settings/option.js'
import { startShape } from '../../node/settings/start-config.js'
import type { ExportRecord } from '../../transfer/export-item.js'
import { writeExport } from '../../transfer/export-writer.js'
import { checkFree, writeStream, writeWholeFile } from '../../transfer/whole-file.js'
import { MAX_UINT32 } from '../../wire/bytes.js'
import { decodeSequenceCursor } from '../../wire/request/sequence-cursor.js'
import { type Ask, withArchive } from '../admin-session.js'
import { headOf } from '../archive-link.js'
import { BackupWalk } from '../backup-check.js'
import { defineCommand, UsageError } from '../command.js'
import { leftOut } from '../left-out.js'
import { writeJson, writeLine } from '../output.js'
import { Progress } from '../progress.js'
import { bar, formatRate } from '../rate.js'
import { archiveAdminShape, forceOption } from '../shared-options.js'

export const backup = defineCommand({
  name: 'backup',
  about: 'write everything that a node needs to come back to one file, while it runs',
  details:
    'Archive, trust list, request keys, identity and password: keep it as private as the data dir. In a folder the file is named\n' +
    'for the time. It is compared with the archive before it is kept: what was stored when it began is in it. "waku-mailserver\n' +
    'restore" makes a data dir of it.',
  fileOf: startShape,
  shape: {
    ...archiveAdminShape,
    output: plainOption('<file or folder>', 'where to; - is standard output', { flagOnly: true }),
    force: forceOption
  },
  async run(config, _operands, context) {
    const { output } = config
    const { stdout, stderr, signal } = context
    if (output === undefined) throw new UsageError('backup: needs --output <file or folder>')
    if (output === '-' && 'isTTY' in stdout && stdout.isTTY === true)
      throw new UsageError('backup: name a file with --output, or send the output to one')
    const { useQuickKeccak } = await import('../../node/crypto/quick-keccak.js')
    await useQuickKeccak()
    const path = output === '-' ? undefined : await fileAt(output)
    if (path !== undefined) await checkFree(path, { replace: config.force === true })
    const summary = await withArchive(
      config,
      context,
      async (ask, dir, lost) => {
        const { newest: _, envelopes: expected, ...head } = await headOf(ask, { lower: 0, upper: MAX_UINT32 })
        const { seq } = decodeSequenceCursor(head.coverage.sequence)
        const walk = new BackupWalk(ask, head)
        const progress = new Progress(stderr)
        const started = performance.now()
        const sum = { path, envelopes: 0, bytes: 0, damaged: 0, seq, seconds: 0 }
        const pages = async function* (): AsyncGenerator<Uint8Array[]> {
          for await (const raws of walk.pages({ after: 0, until: seq })) {
            sum.envelopes += raws.length
            sum.bytes += raws.reduce((bytes, raw) => bytes + raw.length, 0)
            sum.damaged = walk.damaged
            sum.seconds = (performance.now() - started) / 1000
            const done = expected === 0 ? 1 : sum.envelopes / expected
            const remaining = done > 0 ? Math.max(0, sum.seconds / done - sum.seconds) : undefined
            progress.show(
              `${bar(done)}  ${counted(sum.envelopes, 'envelope')}, ${formatRate(sum.envelopes, sum.seconds, remaining)}`
            )
            yield raws
          }
          // before the end is written: without it a backup is none
          await walk.verify(seq)
        }
        const bytes = writeExport('binary', { head, records: await recordsOf(ask, dir), pages: pages() })
        const options = { signal, compress: true, replace: config.force === true }
        try {
          if (path === undefined) await writeStream(stdout, bytes, options)
          else await writeWholeFile(path, bytes, options)
        } finally {
          progress.end()
        }
        return { ...sum, lost: lost() }
      },
      { unbounded: true }
    )
    const tell = path === undefined ? stderr : stdout
    if (config.json === true) await writeJson(tell, { summary }, { signal })
    else {
      const { envelopes, bytes, seconds } = summary
      const size = `${counted(envelopes, 'envelope')}, ${formatByteSize(bytes)}, ${formatRate(envelopes, seconds, undefined)}`
      await writeLine(tell, `${path ?? 'standard output'}: ${size}, as in the archive${leftOut(summary)}`, { signal })
    }
    return 0
  }
})

/** `<folder>/waku-backup-20260131T120000Z.wkm`. */
async function fileAt(output: string): Promise<string> {
  const isFolder = await stat(output).then(
    found => found.isDirectory(),
    () => false
  )
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  return isFolder ? join(output, `waku-backup-${time}.wkm`) : output
}

async function recordsOf(ask: Ask, dir: DataDir): Promise<ExportRecord[]> {
  const kept = await ask<[key: string, value: string][]>('export.records')
  const records = kept.map(([key, value]) => recordOf(key, Uint8Array.from(Buffer.from(value, 'base64'))))
  for (const name of BACKUP_FILES) {
    const bytes = await readFile(dir[name]).catch((err: NodeJS.ErrnoException) => {
      if (err.code === 'ENOENT') return undefined
      throw err
    })
    if (bytes !== undefined) records.push({ name, bytes: Uint8Array.from(bytes) })
  }
  return records
}
