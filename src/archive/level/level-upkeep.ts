import { counted } from '../../base/counted.js'
import type { Gap } from '../../wire/request/coverage.js'
import type { ArchiveReport } from '../archive.js'
import { type CoverageLog, unknownUntil } from '../coverage-log.js'
import { type Damage, type DamageLog, gapOf, inWords } from '../damage-log.js'
import { type CheckOptions, joinMended, type Mended } from '../database/files/database-files.js'
import type { LevelStore } from '../database/level-store.js'
import { ArchiveError, rootMessage } from '../errors.js'
import { atMost, withGap } from '../gap-list.js'
import type { Watchers } from '../watchers.js'
import type { IngestMarks } from './ingest-marks.js'
import type { Blocks } from './level-blocks.js'
import { isSafe64 } from './level-bytes.js'
import * as layout from './level-layout.js'
import type { Ledger } from './level-ledger.js'
import { gapOfGroup, lostGroups, numbersOf, uncounted } from './level-losses.js'
import type { Mending } from './level-mending.js'
import { Rebuild } from './level-rebuild.js'
import { withRoom } from './level-room.js'
import { readRow } from './level-row.js'
import type { LevelWriter } from './level-writer.js'

/** Up to which sequence number everything was there when the archive was closed. */
const CLEAN_KEY = layout.metaKey('clean')

/** Rows stored again at once. */
const SALVAGED = 1000

export interface UpkeepInit {
  store: LevelStore
  ledger: Ledger
  blocks: Blocks
  writer: LevelWriter
  coverage: CoverageLog
  damage: DamageLog
  watchers: Watchers
  mending: Mending
  /** What is noted beside the database of what was stored. */
  marks: IngestMarks | undefined
  /** The clock: Unix time in seconds. */
  now: () => number
  /** Runs a step between appends. */
  step<T>(task: () => Promise<T>): Promise<T>
}

/** Finds out whether all is there that was stored, says so, and mends it. */
export class Upkeep {
  readonly #init: UpkeepInit
  /** What was found before anybody could be told. */
  readonly #unsaid: { gap: Gap | undefined; text: string }[] = []

  /** What was put right, and dropped, without being asked for. */
  readonly #done: Pick<ArchiveReport, 'files' | 'restored' | 'gaps'> = { files: 0, restored: 0, gaps: [] }

  /** A repair that has to wait for room on the disk. */
  #due: (() => Promise<void>) | undefined
  #trouble: ArchiveError | undefined

  constructor(init: UpkeepInit) {
    this.#init = init
  }

  /** Why nothing may be stored before a repair. */
  get trouble(): ArchiveError | undefined {
    return this.#trouble
  }

  /** Says something to who watches, or to who will. */
  say(text: string, gap?: Gap | undefined): void {
    if (!this.#init.watchers.damaged(gap, text)) this.#unsaid.push({ gap, text })
  }

  /** What was said before anybody watched. */
  takeUnsaid(): { gap: Gap | undefined; text: string }[] {
    return this.#unsaid.splice(0)
  }

  /** To be told of what a reader met. */
  met(damage: Damage): void {
    const gap = gapOf(damage)
    if (gap !== undefined) this.#init.coverage.meet(gap)
    this.say(inWords(damage), gap)
  }

  /** After an end that was not clean: whether all is there that was stored, and whether a repair was broken off. */
  async open(): Promise<void> {
    const { store, ledger, coverage, blocks, writer } = this.#init
    const [repairing, clean] = await store.getMany([layout.REPAIR_KEY, CLEAN_KEY])
    const { lastSeq } = ledger.totals
    const marks = this.#init.marks?.open() ?? []
    const last = Math.max(lastSeq, marks.at(-1)?.lastSeq ?? 0)
    const { restored = 0, lost: dropped = 0 } = store.opened?.logs ?? {}
    this.#done.restored += restored
    this.#done.files += restored
    if (restored > 0) this.say(`put right in the database's log or manifest: ${partsOf(restored)}`)
    // what LevelDB dropped of a log may lie before the mark of a clean end
    const isClean = clean?.length === 8 && isSafe64(clean, 0)
    const since = isClean && dropped === 0 ? layout.read64(clean, 0) : 0
    if (clean !== undefined && !isClean) this.say('the record of the last clean end could not be read: it is made anew')
    const lost = since === last ? [] : await lostGroups(store, marks, { since, floors: coverage.floors, blocks })
    const gone = lost.map(mark => ({ mark, gap: gapOfGroup(mark) }))
    const unsaid = gone.filter(({ gap }) => since !== 0 || !coverage.knows(gap))
    const unkept = unsaid.map(({ gap }) => gap)
    this.#sayLost(unkept, numbersOf(unsaid.map(({ mark }) => mark)))
    // what was known of pruning, and of times without a node, went with them
    const isKnown = clean !== undefined || repairing !== undefined || (store.opened?.tables?.lost ?? 0) > 0
    if (coverage.isSpoiled || (coverage.isNew && isKnown)) {
      const unknown = unknownUntil(this.#init.now())
      unkept.push(unknown)
      this.#done.gaps = withGap(this.#done.gaps, unknown)
      this.say("lost: the archive's own records, so that nobody knows what it lacks", unknown)
    }
    const countsWrong = !ledger.isConsistent
    if (countsWrong && lost.length === 0)
      this.say('the counts of the archive do not agree with each other: they are made anew')
    if (blocks.isTailDamaged && lost.length === 0)
      this.say('a part of the order of ingest cannot be read: it is made anew')
    const recordsLost = unkept.length > 0
    const needed = lost.length > 0 || repairing !== undefined || countsWrong || blocks.isTailDamaged
    let tables = store.opened?.tables
    if (store.opened !== undefined) store.opened.tables = undefined
    if (!needed && !recordsLost && tables === undefined) return
    await this.#mendWithRoom(async () => {
      for (let gap = unkept[0]; gap !== undefined; gap = unkept[0]) {
        await coverage.addGap(gap)
        unkept.shift()
      }
      if (blocks.isTailDamaged && tables === undefined) {
        // what is a changed bit is put right, and nothing has to be numbered anew
        await store.checkFiles?.()
        const { restored } = await this.#mendFiles()
        this.#done.restored += restored
        this.#done.files += restored
        if (restored > 0) await writer.load()
        if (!blocks.isTailDamaged && lost.length === 0 && repairing === undefined && ledger.isConsistent) return
      }
      if (needed) {
        // what can be read of parts that are left out is not lost: no table is met in the middle of it that nobody looked at
        const found = await store.mendFiles?.()
        if (found !== undefined && found.restored + found.lost > 0) tables = joinMended(tables, found)
        if (tables !== undefined) await this.#mendFiles(tables)
        const said = gone.map(({ gap }) => gap)
        const { gaps } = await this.#repair(undefined, { lastSeq: last, said })
        // of lost groups it was said above; what the tables lack comes out here where counts are made anew before they are mended
        if (lost.length === 0) this.#sayLost(gaps)
      }
      if (lost.length > 0) await this.#noteClean()
      if (tables !== undefined) await this.#mendAtOnce(tables)
    }, unkept)
  }

  /** Does what was put off while there was no room. False when it has to wait on. Never rejects. */
  async catchUp(): Promise<boolean> {
    const due = this.#due
    if (due === undefined) return true
    try {
      await this.#init.step(due)
      this.#caughtUp()
      return true
    } catch {
      return false // it is tried again when the database takes writes the next time
    }
  }

  /** What is mended while it is opened must not keep anybody from reading. */
  async #mendWithRoom(mend: () => Promise<void>, unkept: readonly Gap[]): Promise<void> {
    const { store, coverage } = this.#init
    try {
      await withRoom(store, mend)
    } catch (error) {
      if (store.trouble === undefined) throw error
      for (const gap of unkept) coverage.meet(gap)
      this.#due = mend
      const why = `the archive is damaged, and the disk has no room for its repair (${rootMessage(error as Error)})`
      this.#trouble = new ArchiveError(why, { cause: error })
      this.say(`${why}: what is left can be read, and it is repaired when there is room`)
    }
  }

  #caughtUp(): void {
    this.#due = undefined
    this.#trouble = undefined
  }

  /** Notes a clean end, unless something is left to be mended. */
  async markClean(): Promise<void> {
    if (this.#due === undefined) await this.#noteClean()
  }

  #noteClean(): Promise<void> {
    const value = new Uint8Array(8)
    layout.put64(value, 0, this.#init.ledger.totals.lastSeq)
    return this.#init.store.batch([{ type: 'put', key: CLEAN_KEY, value }], { sync: true })
  }

  async verify(signal?: AbortSignal | undefined): Promise<ArchiveReport> {
    const { store, ledger, blocks, coverage, step } = this.#init
    const files = (await store.checkFiles?.({ signal })) ?? 0
    const before = ledger.totals
    const rebuild = new Rebuild(store, {
      mend: false,
      floors: () => coverage.floors,
      blocks,
      lastSeq: before.lastSeq,
      step,
      signal
    })
    await rebuild.run()
    // appends and prunes make new totals
    const countsWrong = before === ledger.totals && !(await ledger.agrees(rebuild))
    const { restored, gaps } = this.#done
    return {
      ...rebuild.report,
      countsWrong,
      files,
      restored,
      gaps: gaps.reduce((all, gap) => withGap(all, gap), rebuild.report.gaps)
    }
  }

  /** Also on a full disk. */
  repair(signal?: AbortSignal | undefined): Promise<ArchiveReport> {
    const { store, step } = this.#init
    const mend = async (): Promise<ArchiveReport> => {
      await this.#due?.()
      this.#caughtUp()
      const { restored, lost } = await this.#mendFiles()
      const report = await this.#repair(signal)
      const done = this.#done
      return {
        ...report,
        files: done.files + restored + lost,
        restored: done.restored + restored,
        gaps: done.gaps.reduce((all, gap) => withGap(all, gap), report.gaps)
      }
    }
    return withRoom(store, () => step(mend), signal)
  }

  /**
   * Looks through the files, and mends them at once: LevelDB ends the process when it meets keys out of order while it joins tables, and
   * does so again when it is started again. Returns how many parts of them were damaged.
   */
  async checkFiles(options: CheckOptions): Promise<number> {
    const { store, step } = this.#init
    const parts = (await store.checkFiles?.(options)) ?? 0
    if (parts > 0 && store.trouble === undefined) await step(() => this.#mendAtOnce())
    return parts
  }

  /** To be called when the files were mended while the database was opened again. */
  async mended(mended: Mended): Promise<void> {
    if (mended.lost > 0) this.#init.mending.begin()
    await this.#init.step(() => this.#mendAtOnce(mended))
  }

  async #mendAtOnce(found?: Mended): Promise<void> {
    const { restored, lost } = await this.#mendFiles(found)
    const { gaps } = lost === 0 ? { gaps: [] } : await this.#repair(undefined)
    this.#done.restored += restored
    this.#done.files += restored + lost
    if (restored > 0) this.say(`put right in the database's tables: ${partsOf(restored)}`)
    if (lost === 0) return
    const parts = lost === 1 ? 'a part' : `${lost} parts`
    const more = this.#done.gaps.length > 0 ? 'nothing more' : 'nothing'
    if (gaps.length === 0)
      this.say(`${parts} of the database's tables could not be read, and made anew: ${more} is lost`)
    this.#sayLost(gaps)
  }

  /** Of all of them in a line, with the time that they span. */
  #sayLost(gaps: readonly Gap[], how = ', damaged on the disk'): void {
    const [span] = atMost(gaps, 1)
    if (span === undefined) return
    this.#done.gaps = gaps.reduce((all, gap) => withGap(all, gap), this.#done.gaps)
    this.say(`lost: ${counted(span.count, 'stored envelope')}${how}`, span)
  }

  /** Stores again what of the parts that are left out is sound, and was not pruned. */
  async #mendFiles(found?: Mended): Promise<Pick<Mended, 'restored' | 'lost'>> {
    const { store, coverage, mending } = this.#init
    const { restored, lost, loose } = found ?? (await store.mendFiles?.()) ?? { restored: 0, lost: 0, loose: [] }
    if (lost > 0) mending.begin()
    const sound = loose.filter(
      ({ key, value }) =>
        layout.isEnvelopeKey(key) &&
        !coverage.floors.include(layout.envelopeSent(key), layout.envelopeTopic(key)) &&
        readRow(layout.envelopeFields(key), value) !== undefined
    )
    for (let from = 0; from < sound.length; from += SALVAGED) {
      const some = sound.slice(from, from + SALVAGED)
      const there = await store.getMany(some.map(({ key }) => key))
      const missing = some.filter((_, i) => there[i] === undefined)
      await store.batch(
        missing.map(entry => ({ type: 'put', ...entry })),
        { sync: true }
      )
    }
    return { restored, lost }
  }

  /** @param options.said - what is lost, and was said to be */
  async #repair(
    signal: AbortSignal | undefined,
    { lastSeq: last = this.#init.ledger.totals.lastSeq, said = [] }: { lastSeq?: number; said?: readonly Gap[] } = {}
  ): Promise<ArchiveReport> {
    const { store, ledger, blocks, writer, coverage, damage, watchers, mending } = this.#init
    await store.batch([{ type: 'put', key: layout.REPAIR_KEY, value: layout.uint32(1) }], { sync: true })
    store.settled?.() // what is missing is seen by what lies beside it
    const rebuild = new Rebuild(store, {
      mend: true,
      floors: () => coverage.floors,
      blocks,
      lastSeq: ledger.isSure ? last : Number.POSITIVE_INFINITY,
      step: task => task(),
      signal
    })
    await rebuild.run()
    const { report } = rebuild
    // no number is given out again, whatever became of the record of the last one
    const lastSeq = Math.max(last, rebuild.highest)
    const known = [...said, ...report.gaps]
    for (const gap of uncounted(ledger, rebuild, { known, lastSeq, now: this.#init.now() })) {
      report.missing += gap.count
      report.gaps = withGap(report.gaps, gap)
    }
    const countsWrong = !(await ledger.agrees(rebuild))
    const counts = await ledger.replacement(rebuild, lastSeq)
    await store.batch(counts, { sync: true })
    await writer.load()
    await writer.renumber(rebuild.unnumbered)
    // what has no number yet is found by nobody who asks for its topic: until it has, the repair is not over
    await store.batch([{ type: 'del', key: layout.REPAIR_KEY }], { sync: true })
    damage.reset()
    coverage.forgetMet()
    watchers.removed(2 ** 32)
    for (const gap of report.gaps) if (!coverage.knows(gap)) await coverage.addGap(gap)
    mending.end()
    return { ...report, countsWrong }
  }
}

const partsOf = (n: number): string => counted(n, 'damaged part')
