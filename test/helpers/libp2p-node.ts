import '../../src/base/polyfill.js'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2pOptions, type ServiceFactoryMap } from 'libp2p'
import { carefully } from '../../src/libp2p/careful-muxer.js'

/** A real node on a free loopback port: TCP, Noise, Yamux; stopped by the caller. */
export async function libp2pNode<T extends ServiceFactoryMap = Record<never, never>>(
  options: { services?: T; withoutIdentify?: boolean; windowSize?: number; listen?: string | undefined } & Pick<
    Libp2pOptions,
    'privateKey' | 'datastore' | 'connectionMonitor'
  > = {}
): Promise<Libp2p> {
  const { windowSize, withoutIdentify, datastore, connectionMonitor, listen = '/ip4/127.0.0.1/tcp/0' } = options
  return await createLibp2p({
    privateKey: options.privateKey ?? (await generateKeyPair('secp256k1')),
    ...(datastore && { datastore }),
    ...(connectionMonitor && { connectionMonitor }),
    addresses: { listen: [listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      carefully(yamux(windowSize === undefined ? {} : { streamOptions: { maxStreamWindowSize: windowSize } }))
    ],
    connectionManager: { inboundConnectionThreshold: 1000 },
    services: { ...(withoutIdentify === true ? {} : { identify: identify() }), ...options.services }
  } as unknown as Libp2pOptions)
}

/** Two ends of one stream of `protocol` between real nodes. */
export async function realStreamPair(options: { windowSize?: number } = {}): Promise<{
  near: Stream
  far: Stream
  nearConnection: Connection
  stop: () => Promise<void>
}> {
  const [dialler, listener] = await Promise.all([libp2pNode(options), libp2pNode(options)])
  const { promise, resolve } = Promise.withResolvers<Stream>()
  await listener.handle('/test/pair/1.0.0', stream => resolve(stream))
  const nearConnection = await dialler.dial(listener.getMultiaddrs())
  const near = await nearConnection.newStream('/test/pair/1.0.0')
  return {
    near,
    far: await promise,
    nearConnection,
    stop: async () => {
      await Promise.all([dialler.stop(), listener.stop()])
    }
  }
}
