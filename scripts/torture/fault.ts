import type { Judgement } from './judgement.js'
import type { Trial } from './trial.js'
import type { Weakness } from './weakness.js'

/** Something that happens to a node, and what protects the node from it. */
export interface Fault {
  readonly name: string
  /** The defence that control runs are without; those have to show a loss or a wrong delivery. */
  readonly weakness: Weakness
  /** Runs on the same data dir, one after the other. */
  readonly rounds: number
  /** Runs of the small torture, and of the full one. */
  readonly runs: Runs
  /** One run: finds the node running and leaves it killed or stopped. Whatever follows is judged after the next start. */
  run(trial: Trial, judgement: Judgement): Promise<void>
  /** Once the node runs again, before it is asked for everything. */
  resume?(trial: Trial): Promise<void>
}

export interface Runs {
  small: number
  full: number
}
