import assert from 'node:assert/strict'
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../src/archive/database/database.js'
import { type BlockHandle, blockEntries, decodeHandle, endOf } from '../../src/archive/database/files/table-block.js'
import { checkTable, STEP_BYTES } from '../../src/archive/database/files/table-file.js'
import { emptyReport } from '../../src/archive/empty-report.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { GapKind } from '../../src/wire/request/coverage.js'
import { readPage } from './comparison.js'
import { copyOf, databaseInTables } from './damage.js'
import { temporaryDirectory } from './temporary.js'
import { envelopeAt } from './traffic.js'

await useQuickKeccak()

const NOON = 1_600_041_600
const ENVELOPES = Array.from({ length: 2400 }, (_, i) =>
  envelopeAt(NOON + i * 20, Uint8Array.of(1, 2, 3, i % 7), new Uint8Array(900).fill(i & 0xff).fill(i >> 8, 0, 4))
)

interface Parts {
  blocks: BlockHandle[]
  filter: BlockHandle
  meta: BlockHandle
  index: BlockHandle
}

function partsOf(table: Uint8Array): Parts {
  const { handle: meta, end } = decodeHandle(table, table.length - 48)
  const { handle: index } = decodeHandle(table, end)
  const entriesOf = ({ offset, size }: BlockHandle) => [...blockEntries(table.subarray(offset, offset + size))]
  const [filter] = entriesOf(meta).map(({ value }) => decodeHandle(value).handle)
  return {
    blocks: entriesOf(index).map(({ value }) => decodeHandle(value).handle),
    filter: filter as never,
    meta,
    index
  }
}

const holds = (bytes: Uint8Array, { raw }: Envelope): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(raw) >= 0

const handle = (blocks: BlockHandle[], i: number): BlockHandle => blocks.at(i) as BlockHandle

/** How long the file still is. */
const CUTS: Record<string, (parts: Parts, size: number) => number> = {
  'an empty file': () => 0,
  'a byte': () => 1,
  'the middle of the first block': ({ blocks }) => Math.floor(handle(blocks, 0).size / 2),
  'the end of the first block': ({ blocks }) => endOf(handle(blocks, 0)),
  'the end of a block in the middle': ({ blocks }) => endOf(handle(blocks, 60)),
  'the middle of one': ({ blocks }) => handle(blocks, 60).offset + 2000,
  'the checksum of one': ({ blocks }) => endOf(handle(blocks, 60)) - 2,
  'the end of the last block': ({ blocks }) => endOf(handle(blocks, -1)),
  'the middle of the filter': ({ filter }) => filter.offset + 9,
  'the end of the filter': ({ filter }) => endOf(filter),
  'the middle of the metaindex': ({ meta }) => meta.offset + 9,
  'the end of the metaindex': ({ meta }) => endOf(meta),
  'the middle of the index': ({ index }) => index.offset + 99,
  'no footer': (_, size) => size - 48,
  'half a footer': (_, size) => size - 20,
  'all but a byte': (_, size) => size - 1
}

/** A database of several tables, and the one that has envelopes only. */
async function several(t: TestContext): Promise<{ directory: string; name: string; table: Uint8Array }> {
  const directory = join(await temporaryDirectory(t), 'db')
  await databaseInTables(directory, [ENVELOPES.slice(0, 1000), ENVELOPES.slice(1000)], { maxFileSize: 1 << 20 })
  for (const name of await readdir(directory)) {
    const table = new Uint8Array(await readFile(join(directory, name)))
    if (holds(table, ENVELOPES[1200] as Envelope)) return { directory, name, table }
  }
  assert.fail('no table holds the envelope in the middle')
}

async function stored(archive: Parameters<typeof readPage>[0]): Promise<Set<string>> {
  const { rows } = await readPage(archive, { lower: 0, upper: MAX_UINT32, limit: 10_000, maxBytes: 2 ** 26 })
  return new Set(rows.map(({ raw }) => toHex(raw)))
}

test('of a table that was cut short what is whole is kept, and the rest is said to be lost', async t => {
  const { directory, name, table } = await several(t)
  const others = ENVELOPES.filter(envelope => !holds(table, envelope))
  for (const [i, [cut, lengthOf]] of Object.entries(CUTS).entries()) {
    const copy = await copyOf(directory, `cut-${i}`)
    const front = table.subarray(0, lengthOf(partsOf(table), table.length))
    await truncate(join(copy, name), front.length)
    // before it is opened, or by the look after it
    const { archive, checked, close } = await openDatabase(copy, { newest: i % 2 === 0 ? undefined : 0 })
    const said: string[] = []
    archive.watch({ damaged: (_gap, text) => said.push(text) })
    await checked
    const kept = await stored(archive)
    const whole = ENVELOPES.filter(envelope => holds(front, envelope))
    for (const { raw } of [...others, ...whole]) assert(kept.has(toHex(raw)), `${cut}: what is on the disk is there`)
    const lost = ENVELOPES.filter(({ raw }) => !kept.has(toHex(raw)))
    assert.equal(lost.length, ENVELOPES.length - others.length - whole.length, cut)
    const { gaps } = await archive.coverage({ lower: 0, upper: MAX_UINT32 })
    for (const { sent } of lost)
      assert(gaps.some(({ from, until, kind }) => from <= sent && until >= sent && kind === GapKind.damaged))
    if (lost.length === 0) assert.deepEqual(gaps, [])
    else assert.deepEqual(said, [`lost: ${lost.length} stored envelopes, damaged on the disk`], cut)
    const found = await archive.verify()
    const { restored } = found
    assert.deepEqual({ ...found, gaps: [] }, { ...emptyReport(), envelopes: kept.size, restored }, cut)
    if (lost.length > 0) assert.deepEqual(new Set(await archive.append(lost)), new Set(['stored']))
    assert.equal((await stored(archive)).size, ENVELOPES.length)
    assert(!(await readdir(copy)).includes('lost'), 'LevelDB did not give it up')
    // LevelDB goes over it without an error
    await archive.prune(MAX_UINT32)
    assert.equal((await stored(archive)).size, 0)
    await close()
  }
})

test('what is told lost is what is lost, also where the cut is met while the archive looks whether anything is', async t => {
  const directory = join(await temporaryDirectory(t), 'db')
  // each table has something of what came last, which is looked for first
  const mixed = ENVELOPES.map((_, i) => ENVELOPES[(i * 1009) % ENVELOPES.length] as Envelope)
  await databaseInTables(directory, [mixed.slice(0, 1000), mixed.slice(1000)], { maxFileSize: 1 << 20, isDeep: true })
  const tables = (await readdir(directory)).filter(name => name.endsWith('.ldb')).sort()
  const looked: string[] = []
  for (const name of tables.slice(0, -1)) {
    const copy = await copyOf(directory, `cut-${name}`)
    await cp(`${directory}.marks`, `${copy}.marks`)
    await truncate(join(copy, name), 500_000)
    const { archive, close } = await openDatabase(copy, { newest: 0, check: false })
    archive.watch({ damaged: (_gap, text) => looked.push(text) })
    await archive.repair()
    const lost = ENVELOPES.length - (await stored(archive)).size
    assert(lost > 0)
    assert(looked.includes(`lost: ${lost} stored envelopes, damaged on the disk`), `${lost}, and not: ${looked}`)
    await close()
  }
  assert(
    looked.some(text => /order of ingest cannot be read/.test(text)),
    'some was met before'
  )
})

test('without a manifest a table that was cut short keeps what is whole of it, too', async t => {
  const { directory, name, table } = await several(t)
  for (const cut of ['the middle of one', 'the middle of the filter', 'no footer', 'an empty file']) {
    const copy = await copyOf(directory, cut)
    const length = CUTS[cut]?.(partsOf(table), table.length) as number
    await truncate(join(copy, name), length)
    for (const file of await readdir(copy)) if (/^MANIFEST/.test(file)) await rm(join(copy, file))
    const { archive, close } = await openDatabase(copy, { salvage: true, check: false })
    await archive.repair()
    const kept = await stored(archive)
    const front = table.subarray(0, length)
    const whole = ENVELOPES.filter(envelope => holds(front, envelope) || !holds(table, envelope))
    assert.equal(kept.size, whole.length, cut)
    for (const { raw } of whole) assert(kept.has(toHex(raw)), cut)
    await close()
  }
})

test('a table is looked at in small steps, whatever is left of it', async t => {
  const { table } = await several(t)
  for (const [cut, lengthOf] of Object.entries(CUTS)) {
    const file = table.slice().fill(0, lengthOf(partsOf(table), table.length))
    let steps = 0
    for (const _ of checkTable(file)) steps++
    assert(steps >= Math.floor(table.length / STEP_BYTES), `${cut}: ${steps} steps for ${table.length} bytes`)
  }
})

test('what stands behind the end of a table is no part of it', async t => {
  const { directory, name, table } = await several(t)
  await writeFile(join(directory, name), Buffer.concat([table, new Uint8Array(5000).fill(7)]))
  const { archive, close } = await openDatabase(directory)
  t.after(close)
  assert.deepEqual(await archive.verify(), { ...emptyReport(), envelopes: ENVELOPES.length })
})
