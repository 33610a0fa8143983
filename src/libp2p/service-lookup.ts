import type { WakuService } from './waku-service.js'

/** The node has no `waku()` service, or it has another name. */
export class MissingWakuError extends Error {
  static override readonly name = 'MissingWakuError'
  override readonly name = 'MissingWakuError'
}

/** The node has no `mailclient()` service, or it has another name. */
export class MissingMailClientError extends Error {
  static override readonly name = 'MissingMailClientError'
  override readonly name = 'MissingMailClientError'
}

/**
 * The waku service of a libp2p node; to be called when services start, since they are built in the order of their keys.
 *
 * @throws {MissingWakuError}
 */
export function wakuOf(components: object, name: string): WakuService {
  const service = serviceOf<WakuService>(components, name)
  if (service !== undefined) return service
  throw new MissingWakuError(`the node has no service "${name}": add waku() to its services`)
}

/** A service of the node by its key; undefined when there is none. */
export function serviceOf<Service>(components: object, name: string): Service | undefined {
  try {
    return (components as Record<string, Service | undefined>)[name]
  } catch {
    // asking libp2p for a component that is not there throws
    return undefined
  }
}
