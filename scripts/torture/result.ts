import type { Fault } from './fault.js'
import type { Judgement } from './judgement.js'
import { table } from './table.js'
import type { Trial } from './trial.js'

const HEAD = ['fault', 'runs', 'acknowledged', 'lost', 'said', 'delivered wrongly', 'refused', 'outages seen']

/** What a row of the table is called, and its control. */
export type Row = Pick<Fault, 'name' | 'weakness'>

/** What came of all runs of a fault, with the defence or (a control) without it. */
export class Result<F extends Row = Fault> {
  runs = 0
  acknowledged = 0
  lost = 0
  said = 0
  wrong = 0
  refused = 0
  outages = 0
  /** Why runs could not be brought to their end, in a line each. */
  readonly errors: string[] = []

  constructor(
    readonly fault: F,
    readonly control: boolean
  ) {}

  add(
    { ledger, outages: unreached }: Pick<Trial, 'ledger' | 'outages'>,
    { lost, said, wrong, outages }: Judgement,
    runs: number
  ): void {
    this.runs += runs
    this.acknowledged += ledger.acknowledged
    this.refused += ledger.refused
    this.lost += lost.size
    this.said += said.size
    this.wrong += wrong.size
    this.outages += outages + unreached
  }

  /** Something was lost unsaid or delivered that was never posted. */
  get harm(): boolean {
    return this.lost > 0 || this.wrong > 0
  }

  /** A run must do no harm, and a control must do some: else it proves nothing about the defence. */
  get failed(): boolean {
    if (this.control) return !this.harm
    return this.harm || this.acknowledged === 0 || this.errors.length > 0
  }

  /** What is wrong, for whoever has to look into it. */
  get failure(): string {
    if (this.control) return ['the control run shows no loss', ...this.errors].join('; ')
    return this.harm ? 'lost, or delivered wrongly' : (this.errors[0] ?? 'nothing was acknowledged')
  }
}

/** One table of all results; controls stand below their faults. */
export function resultTable(results: ReadonlyArray<Result<Row>>): string {
  return table(
    HEAD,
    results.map(result => {
      const { fault, control, runs, acknowledged, lost, said, wrong, refused, outages } = result
      const numbers = [runs, acknowledged, lost, said, wrong, refused, outages].map(number =>
        number.toLocaleString('en')
      )
      return [control ? `  control: ${fault.weakness.about}` : fault.name, ...numbers]
    })
  )
}
