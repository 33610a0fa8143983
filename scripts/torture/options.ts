import { parseArgs } from 'node:util'

/** What the command line asks for. */
export interface Options {
  /** Runs of each fault; undefined: as many as the fault has in the small or the full torture. */
  runs: number | undefined
  full: boolean
  /** From how many addresses it is attacked; undefined: from ten, in the full torture from one as well. */
  addresses: number | undefined
  /** Of the attacks those only that CI tries: for each thing that an audit found one at least, with its control. */
  brief: boolean
  /** Part of the names of the faults that are wanted. */
  fault: string
  /** Of the first run; each further one counts up. */
  seed: number
  /** Trials at a time. */
  jobs: number
  /** Where data dirs of failed runs are kept. */
  keep: string | undefined
}

export const USAGE = `usage: npm run torture -- [disk|cuts|hostile] [options]
  --fault <part of a name>  these only, such as power-cut or "flipped bit"; of attacks also several: "garbage|blooms"
  --runs <n>                so many runs of each fault
  --full                    many runs of each fault: a thousand power cuts and kills
  --brief                   of the attacks those that CI tries, each with its control
  --addresses <n>           attacks from so many addresses only
  --seed <n>                repeats the runs of that seed (1), or "random"
  --jobs <n>                nodes under torture at a time (2)
  --keep <folder>           keeps the data dirs of runs that failed`

/** @throws Error when the arguments make no sense */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      fault: { type: 'string', default: '' },
      runs: { type: 'string' },
      full: { type: 'boolean', default: false },
      brief: { type: 'boolean', default: false },
      addresses: { type: 'string' },
      seed: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '2' },
      keep: { type: 'string' }
    }
  })
  return {
    runs: values.runs === undefined ? undefined : whole('runs', values.runs, 1),
    full: values.full,
    brief: values.brief,
    addresses: values.addresses === undefined ? undefined : whole('addresses', values.addresses, 1),
    fault: values.fault,
    seed: values.seed === 'random' ? Math.floor(Math.random() * 1e9) : whole('seed', values.seed, 0),
    jobs: whole('jobs', values.jobs, 1),
    keep: values.keep
  }
}

function whole(name: string, text: string, least: number): number {
  const number = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(number) || number < least)
    throw new Error(`--${name} is a whole number, ${least} or more`)
  return number
}
