import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Libp2p, PeerId, Transport } from '@libp2p/interface'
import type { TransportManager } from '@libp2p/interface-internal'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { anySignal } from '../../base/any-signal.js'
import { persist } from '../../base/persist.js'
import * as FIGURES from '../../limits/figures.js'

export interface RelaysInit {
  node: Libp2p
  /** Each ends in `/p2p-circuit`, after the relay. */
  addresses: readonly Multiaddr[]
  /** Told, a line at a time, what the operator should know. */
  warn(line: string): void
}

type RelayComponents = Parameters<ReturnType<typeof circuitRelayTransport>>[0] & { transportManager: TransportManager }
type RelayTransport = ReturnType<ReturnType<typeof circuitRelayTransport>> & {
  reservationStore: EventTarget & {
    addRelay(relay: PeerId, type: 'configured'): Promise<unknown>
    hasReservation(relay: PeerId): boolean
  }
}

/**
 * Places at relays that a node is reached through. libp2p takes them once, when it starts, and does not start without; here a
 * relay that is away is asked again until it has a place.
 */
export class Relays {
  readonly #stopped = new AbortController()
  readonly #listening = new Set<string>()
  #components: RelayComponents | undefined
  #transport: RelayTransport | undefined
  #loops: Promise<void>[] = []

  /** For `createLibp2p`. */
  readonly transport = (components: RelayComponents): Transport => {
    this.#components = components
    this.#transport = circuitRelayTransport()(components) as RelayTransport
    return this.#transport
  }

  /** Resolves when each relay was asked once. */
  async start(init: RelaysInit): Promise<void> {
    await Promise.all(
      init.addresses.map(
        address =>
          new Promise<void>(resolve => {
            const hold = (signal: AbortSignal): Promise<void> => this.#hold(address, init, { signal, onAsked: resolve })
            this.#loops.push(persist(hold, this.#stopped.signal, FIGURES.redial))
          })
      )
    )
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#loops)
  }

  /** Resolves when a place was had and lost. */
  async #hold(
    address: Multiaddr,
    { node, warn }: RelaysInit,
    { signal, onAsked }: { signal: AbortSignal; onAsked: () => void }
  ): Promise<void> {
    const store = this.#transport?.reservationStore
    const relay = peerIdFromString(address.getComponents().at(-2)?.value ?? '')
    try {
      await node.dial(address.decapsulate('/p2p-circuit'), {
        signal: anySignal([signal, AbortSignal.timeout(FIGURES.relayed.attempt)])
      })
      if (this.#listening.has(address.toString())) await store?.addRelay(relay, 'configured')
      else await this.#components?.transportManager.listen([address])
      this.#listening.add(address.toString())
    } catch (err) {
      if (!signal.aborted) warn(`no place at the relay ${address}: ${reasonOf(err)}; it is asked again`)
      throw err
    } finally {
      onAsked()
    }
    if (store !== undefined) await lost(store, relay, signal)
    if (!signal.aborted) warn(`the place at the relay ${address} is lost; it is asked again`)
  }
}

function lost(store: RelayTransport['reservationStore'], relay: PeerId, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if (!signal.aborted && store.hasReservation(relay)) return
      store.removeEventListener('relay:removed', look)
      signal.removeEventListener('abort', look)
      resolve()
    }
    store.addEventListener('relay:removed', look)
    signal.addEventListener('abort', look)
    look()
  })
}

function reasonOf(err: unknown): string {
  const text = err instanceof Error ? err.message : String(err)
  // libp2p tells what it could not listen on in several lines
  return (
    text
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^\s*\/\S+: /, '')
      .trim() ?? text
  )
}
