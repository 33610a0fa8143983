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

export const confirmFirst = weak('confirm-first', 'confirms before it writes')
export const noSync = weak('no-sync', 'does not sync')
export const hideWriteErrors = weak('hide-write-errors', 'confirms what it could not write')
export const hideReadErrors = weak('hide-read-errors', 'takes what it cannot read for nothing')
export const keepTooOld = weak('keep-too-old', 'confirms what retention deletes')
