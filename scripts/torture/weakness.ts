/** A defence of the node that a control run is without: the module that takes it away, loaded before the node. */
export interface Weakness {
  /** How the node behaves without it. */
  about: string
  module: string
}

const weak = (name: string, about: string): Weakness => ({
  about,
  module: new URL(`./weak/${name}.js`, import.meta.url).href
})

export const confirmFirst: Weakness = weak('confirm-first', 'confirms before it writes')
export const noSync: Weakness = weak('no-sync', 'does not sync')
export const hideWriteErrors: Weakness = weak('hide-write-errors', 'confirms what it could not write')
export const hideReadErrors: Weakness = weak('hide-read-errors', 'takes what it cannot read for nothing')
export const keepTooOld: Weakness = weak('keep-too-old', 'confirms what retention deletes')
export const beginAnew: Weakness = weak('begin-anew', 'begins anew when the database does not open')
export const noRowCheck: Weakness = weak('no-row-check', 'checks neither rows nor files')
export const noMarks: Weakness = weak('no-marks', 'neither mends nor misses what it had stored')
