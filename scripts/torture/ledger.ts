import type { Envelope } from '../../src/wire/envelope/envelope.js'

/** What the client knows of an envelope that it posted. */
export interface Posted {
  sent: number
  /** Confirmed, and not named in the refusals. */
  acknowledged: boolean
  /** The operator or the test deletes it, or may. */
  given: boolean
}

/** Everything that was posted to one data dir, by hash in hex. */
export class Ledger {
  readonly posted = new Map<string, Posted>()
  refused = 0

  post({ hashHex, sent }: Envelope): void {
    this.meet(hashHex, sent)
  }

  /** An envelope that the node may have and nobody posted to it. */
  meet(hash: string, sent: number): void {
    if (!this.posted.has(hash)) this.posted.set(hash, { sent, acknowledged: false, given: false })
  }

  acknowledge(hash: string): void {
    const posted = this.posted.get(hash)
    if (posted !== undefined) posted.acknowledged = true
  }

  /** What was sent before a time may be deleted from now on. */
  giveUpBefore(sent: number): void {
    for (const posted of this.posted.values()) if (posted.sent < sent) posted.given = true
  }

  giveUp(hash: string): void {
    const posted = this.posted.get(hash)
    if (posted !== undefined) posted.given = true
  }

  get acknowledged(): number {
    let count = 0
    for (const { acknowledged } of this.posted.values()) if (acknowledged) count++
    return count
  }

  /** Those that have to be delivered. */
  *owed(): Generator<string, void> {
    for (const [hash, { acknowledged, given }] of this.posted) if (acknowledged && !given) yield hash
  }
}
