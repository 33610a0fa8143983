import { type Gap, GapKind } from '../../src/wire/request/coverage.js'
import type { History } from './history.js'
import type { Ledger } from './ledger.js'
import { NotServingError } from './node-process.js'
import type { Trial } from './trial.js'

/** What became of what was posted, by hash in hex. */
export class Judgement {
  /** Acknowledged, not delivered, and nobody was told. */
  readonly lost = new Set<string>()
  /** Acknowledged and not delivered, but the node says that something is missing. */
  readonly said = new Set<string>()
  /** Delivered, and never posted. */
  readonly wrong = new Set<string>()
  outages = 0

  get harm(): boolean {
    return this.lost.size > 0 || this.wrong.size > 0
  }

  /** Starts the node again and asks it for everything; false when it does not serve any more, also after a repair. */
  async judge(trial: Trial, resume?: (trial: Trial) => Promise<void>): Promise<boolean> {
    const serving = (await this.#serves(trial)) || ((await this.#repaired(trial)) && (await this.#serves(trial)))
    if (!serving) {
      // the operator is told that the node does not serve, and why
      for (const hash of trial.ledger.owed()) this.said.add(hash)
      return false
    }
    await resume?.(trial)
    await this.look(trial)
    return true
  }

  /**
   * Asks the running node for everything.
   *
   * @param options.passing the fault still holds: what the node says is missing must be there once the fault is over
   */
  async look(trial: Trial, { passing = false } = {}): Promise<void> {
    const owed = [...trial.ledger.owed()]
    this.weigh(await trial.histories(), trial.ledger, { owed, passing, note: line => trial.note(line) })
  }

  /** Compares what was delivered with what has to be. */
  weigh(
    histories: readonly History[],
    ledger: Ledger,
    {
      owed = [...ledger.owed()],
      passing = false,
      note = () => {}
    }: { owed?: readonly string[]; passing?: boolean; note?: (line: string) => void } = {}
  ): void {
    const { posted } = ledger
    for (const { hashes, unreadable, incomplete, damaged, gaps } of histories) {
      for (const hash of hashes.keys()) if (!posted.has(hash)) this.wrong.add(hash)
      for (let i = 0; i < unreadable; i++) this.wrong.add(`page ${i}`)
      const holes = gaps.filter(({ kind }) => kind === GapKind.damaged)
      this.outages = gaps.length - holes.length
      const missing = owed.filter(hash => !hashes.has(hash))
      if (missing.length > 0) {
        const says = incomplete ?? [`${damaged} damaged`, ...holes.map(textOf)].join(', ')
        note(`${missing.length} missing; the node says: ${says}`)
      }
      for (const hash of missing) {
        const sent = posted.get(hash)?.sent ?? 0
        const told =
          incomplete !== undefined || damaged > 0 || holes.some(({ from, until }) => from <= sent && sent <= until)
        if (!told) this.lost.add(hash)
        else if (!passing) this.said.add(hash)
      }
    }
    for (const hash of this.lost) this.said.delete(hash)
    // each is counted once, whatever comes after
    for (const hash of [...this.lost, ...this.said]) ledger.giveUp(hash)
  }

  async #serves(trial: Trial): Promise<boolean> {
    try {
      await trial.start()
      return true
    } catch (err) {
      if ((err as Error).name !== NotServingError.name) throw err
      trial.note(`does not serve: ${(err as Error).message}`)
      return false
    }
  }

  async #repaired(trial: Trial): Promise<boolean> {
    const { code, output } = await trial.run(['repair'])
    trial.note(`repair ended with ${code}: ${output.trim()}`)
    return code === 0
  }
}

const textOf = ({ from, until, count }: Gap): string => `${count} lost of ${until - from + 1} s`
