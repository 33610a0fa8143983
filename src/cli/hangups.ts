import { isatty } from 'node:tty'

// To a node SIGHUP means that its settings are to be read again; to any other command, and on a terminal that is closed, that it has to end.
let listener: (() => void) | undefined
let isDue = false

/** Whether it means that, which has to be known before anything is loaded. */
export const reloads = process.argv[2] === 'start' && !isatty(2)

/** Has a listener called on SIGHUP, and at once when one came before anybody could listen. Returns what ends that. */
export function onHangup(told: () => void): () => void {
  listener = told
  if (isDue) told()
  isDue = false
  return () => {
    listener = undefined
  }
}

export function hangUp(): void {
  if (listener === undefined) isDue = true
  else listener()
}
