import { statfs } from 'node:fs/promises'
import type { Archive } from '../archive/archive.js'
import { rootMessage } from '../archive/errors.js'
import { counted } from '../base/counted.js'
import { type Check, failed, ok, unknown, warning } from './check.js'
import { forecast } from './forecast.js'
import type { Sample } from './samples.js'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const MAX_SENT = 0xffffffff
/** With less room LevelDB cannot merge its files, and soon stores nothing. */
const LEAST_ROOM = 64 * MIB
/** A disk that is full sooner is worth a word, days. */
const SOON = 7
/** A clock that lags makes envelopes come from the future; so many seconds ahead are taken for a clock that is not exact. */
const AHEAD = 60
/** So many envelopes say something of the clock, */
const ENOUGH = 20
/** within so many seconds. */
const LATELY = 600

export function archiveReads(archive: Archive): Check {
  return async signal => {
    try {
      const rows = archive.query({ lower: 0, upper: MAX_SENT, limit: 1, signal })
      for (let step = await rows.next(); step.done !== true; step = await rows.next());
      const { envelopes } = await archive.stats()
      return ok(counted(envelopes, 'envelope'))
    } catch (err) {
      return failed(`the archive cannot be read: ${rootMessage(err as Error)}`)
    }
  }
}

/** Writes, synced, that somebody is there; only where somebody is. */
export function archiveWrites(archive: Archive): Check {
  return async () => {
    try {
      await archive.attend(Math.floor(Date.now() / 1000))
      return ok('a synced write succeeded')
    } catch (err) {
      return failed(`the archive cannot be written, and envelopes are refused: ${rootMessage(err as Error)}`)
    }
  }
}

/**
 * @param lost - envelopes that turned out to be lost, at least; undefined when nothing did: they are out of the archive, which is sound
 * @param told - where their times are told
 */
export function damage(
  archive: Archive,
  lost: () => number | undefined = () => undefined,
  told = 'run "waku-mailserver verify" for the times'
): Check {
  return async () => {
    const { damaged } = await archive.stats()
    const gone = lost()
    if (gone !== undefined && damaged === undefined)
      return warning(`${counted(gone, 'stored envelope')} or more lost, damaged on the disk: ${told}`)
    if (damaged === undefined) return ok('nothing damaged was met since the start')
    return warning(`${counted(damaged.envelopes, 'envelope')} or more damaged: run "waku-mailserver verify"`)
  }
}

/** @param samples of the last day */
export function disk(folder: string, samples: () => readonly Sample[]): Check {
  return async () => {
    let free: number
    try {
      const { bavail, bsize } = await statfs(folder)
      free = bavail * bsize
    } catch (err) {
      return unknown(`the room on the disk cannot be told: ${(err as NodeJS.ErrnoException).code}`)
    }
    const room = free < GIB ? `${Math.floor(free / MIB)} MiB are free` : `${(free / GIB).toFixed(1)} GiB are free`
    if (free < LEAST_ROOM) return failed(`${room}: free some, or delete history with "waku-mailserver prune"`)
    const pace = forecast(samples())
    if (pace === undefined) return ok(`${room}; how fast it fills up is known after ten minutes`)
    if (pace.days === undefined) return ok(`${room}, and it does not fill up`)
    const days = pace.days < 10 ? pace.days.toFixed(1) : String(Math.floor(pace.days))
    const text = `${room}: full in ${days} days at the pace of the last day`
    return pace.days < SOON ? warning(text) : ok(text)
  }
}

/** @param listening by network: whether all of it listens */
export function listeners(listening: () => Readonly<Record<string, boolean>>): Check {
  return async () => {
    const all = Object.entries(listening())
    const down = all.filter(([, up]) => !up).map(([name]) => name)
    if (down.length > 0) return failed(`nobody can connect by ${down.join(' and ')}: start the node again`)
    return ok(`listening: ${all.map(([name]) => name).join(', ')}`)
  }
}

/** @param samples of the last minutes */
export function clock(archive: Archive, samples: (since: number) => readonly Sample[]): Check {
  return async () => {
    const now = Math.floor(Date.now() / 1000)
    const { newest = 0 } = await archive.stats()
    if (newest > now + AHEAD) {
      return warning(`the newest envelope was sent ${newest - now} s from now: did the clock of this machine go back?`)
    }
    const sums = { received: 0, future: 0, expired: 0 }
    for (const one of samples(now - LATELY)) {
      sums.received += one.received
      sums.future += one.future
      sums.expired += one.expired
    }
    if (sums.received < ENOUGH) return unknown('too few envelopes came in the last ten minutes to tell')
    const most = (part: number): boolean => part > sums.received / 2
    if (most(sums.future)) return warning('most envelopes come from the future: the clock of this machine is behind')
    if (most(sums.expired)) return warning('most envelopes are expired: the clock of this machine is ahead')
    return ok('it agrees with those of the peers')
  }
}

/** @param probe tells how many of all can be asked */
export function upstreams(count: number, probe: (signal: AbortSignal) => Promise<number>): Check {
  return async signal => {
    if (count === 0) return ok('none is named')
    const reachable = await probe(signal)
    if (reachable === count) return ok(`all ${count} can be reached`)
    return warning(`${reachable} of ${count} can be reached`)
  }
}
