import { type Identify, type IdentifyComponents, identify } from '@libp2p/identify'
import type { PeerData, PeerStore } from '@libp2p/interface'
import { FIGURES } from '../../limits/figures.js'

const { maxMessage, maxProtocols, maxAddresses } = FIGURES.identify

/**
 * Identify with bounds on what a peer may say of itself: libp2p compares each protocol that a peer names with each that it
 * named before, and takes up to ten messages of it. Only who was dialled is asked: whoever dials us says by its streams what
 * it wants, and asking each phone would cost as much as serving it.
 */
export function limitedIdentify(): (components: IdentifyComponents) => Identify {
  const make = identify({ maxMessageSize: maxMessage, maxObservedAddresses: maxAddresses, runOnConnectionOpen: false })
  return components => {
    const peerStore = limited(components.peerStore)
    const asked = make(
      new Proxy(components, { get: (all, name) => (name === 'peerStore' ? peerStore : Reflect.get(all, name)) })
    )
    components.events.addEventListener('connection:open', ({ detail: connection }) => {
      if (connection.direction === 'outbound') asked.identify(connection).catch(() => {})
    })
    return asked
  }
}

/** A peer store that is told of a peer's first protocols and addresses only. */
function limited(peerStore: PeerStore): PeerStore {
  const patch: PeerStore['patch'] = (peer, data, options) => peerStore.patch(peer, shortened(data), options)
  return new Proxy(peerStore, {
    get: (all, name) => {
      const value = name === 'patch' ? patch : Reflect.get(all, name)
      return typeof value === 'function' ? value.bind(all) : value
    }
  })
}

function shortened(data: PeerData): PeerData {
  return {
    ...data,
    ...(data.protocols === undefined ? {} : { protocols: data.protocols.slice(0, maxProtocols) }),
    ...(data.addresses === undefined ? {} : { addresses: data.addresses.slice(0, maxAddresses) })
  }
}
