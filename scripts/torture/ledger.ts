import type { Envelope } from '../../src/wire/envelope/envelope.js'

/** What the client knows of an envelope that it posted. */
export interface Posted {
  sent: number
  /** When it was confirmed, and not named in the refusals; undefined: never. */
  acknowledged: number | undefined
  /** Since when the operator or the test deletes it, or may; undefined: never. */
  given: number | undefined
}

/** Everything that was posted to one data dir, by hash in hex. */
export class Ledger {
  readonly posted = new Map<string, Posted>()
  refused = 0
  readonly #moment: () => number

  /** @param moment the time of what happens now, on any scale that never goes back; `asOf` takes one of it */
  constructor(moment: () => number = () => 0) {
    this.#moment = moment
  }

  post({ hashHex, sent }: Envelope): void {
    this.meet(hashHex, sent)
  }

  /** An envelope that the node may have and nobody posted to it. */
  meet(hash: string, sent: number): void {
    if (!this.posted.has(hash)) this.posted.set(hash, { sent, acknowledged: undefined, given: undefined })
  }

  acknowledge(hash: string): void {
    const posted = this.posted.get(hash)
    if (posted !== undefined) posted.acknowledged ??= this.#moment()
  }

  /** What was sent before a time may be deleted from now on. */
  giveUpBefore(sent: number): void {
    const now = this.#moment()
    for (const posted of this.posted.values()) if (posted.sent < sent) posted.given ??= now
  }

  giveUp(hash: string): void {
    const posted = this.posted.get(hash)
    if (posted !== undefined) posted.given ??= this.#moment()
  }

  get acknowledged(): number {
    let count = 0
    for (const { acknowledged } of this.posted.values()) if (acknowledged !== undefined) count++
    return count
  }

  /** Those that have to be delivered. */
  *owed(): Generator<string, void> {
    for (const [hash, { acknowledged, given }] of this.posted) {
      if (acknowledged !== undefined && given === undefined) yield hash
    }
  }

  /**
   * What was known at a moment, as a ledger that goes on from there.
   *
   * @param next the time of what happens to that one
   */
  asOf(moment: number, next?: () => number): Ledger {
    const then = new Ledger(next)
    const until = (time: number | undefined): number | undefined =>
      time !== undefined && time <= moment ? 0 : undefined
    for (const [hash, { sent, acknowledged, given }] of this.posted) {
      then.posted.set(hash, { sent, acknowledged: until(acknowledged), given: until(given) })
    }
    return then
  }
}
