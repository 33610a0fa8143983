import type { Waku } from '../waku/waku.js'

/** The node has no `waku()` service, or it has another name. */
export class MissingWakuError extends Error {
  static override readonly name = 'MissingWakuError'
  override readonly name = 'MissingWakuError'
}

/**
 * The waku service of a libp2p node; to be called when services start, since they are built in the order of their keys.
 *
 * @throws {MissingWakuError}
 */
export function wakuOf(components: object, name: string): Waku {
  try {
    const service = (components as Record<string, Waku | undefined>)[name]
    if (service !== undefined) return service
  } catch {
    // asking libp2p for a component that is not there throws
  }
  throw new MissingWakuError(`the node has no service "${name}": add waku() to its services`)
}
