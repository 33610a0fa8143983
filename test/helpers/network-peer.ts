import './libp2p-node.js'
import { once } from 'node:events'
import { connect } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { offer } from '../../src/devp2p/capability-traits.js'
import { parseEnode, peerIdFromNodeId } from '../../src/devp2p/enode.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { RlpxConnection } from '../../src/devp2p/rlpx-connection.js'
import { initiate } from '../../src/devp2p/socket-handshake.js'
import { StreamPacketChannel } from '../../src/libp2p/packet-channel.js'
import { PACKETS_PROTOCOL } from '../../src/libp2p/packet-protocol.js'
import { Limits } from '../../src/limits/limits.js'
import type { Network } from '../../src/waku/packet-channel.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import type { StatusOptions } from '../../src/wire/packet/status.js'
import { encodeStatusOptions } from '../../src/wire/packet/status.js'
import type { Scope } from './scope.js'
import { ScriptedPeer } from './scripted-peer.js'

/** A node of both networks. */
export interface BothNetworks {
  libp2p: Pick<Libp2p, 'getMultiaddrs'>
  enode: string
}

export interface NetworkPeerInit {
  network: Network
  /** A loopback address. */
  from?: string
  /** One identity on either network. */
  key?: NodeKey
  status?: StatusOptions
}

/** A peer whose packets the test writes itself, over a real connection of either network, behind both Statuses. */
export async function networkPeer(t: Scope, node: BothNetworks, init: NetworkPeerInit): Promise<ScriptedPeer> {
  const { network, key = new NodeKey(), from = '127.0.0.1', status = { bloom: new Uint8Array(64) } } = init
  const peer =
    network === 'libp2p' ? await overLibp2p(t, node, { key, from }) : await overDevp2p(t, node, { key, from })
  await peer.send(PacketCode.Status, encodeStatusOptions({ ...status, confirmations: true }))
  await peer.next(PacketCode.Status)
  return peer
}

type From = { key: NodeKey; from: string }

async function overLibp2p(t: Scope, node: BothNetworks, { key, from }: From): Promise<ScriptedPeer> {
  const plain = await createLibp2p({
    privateKey: privateKeyFromRaw(key.privateKey),
    transports: [tcp({ dialOpts: { localAddress: from } as object })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()]
  })
  t.after(() => plain.stop() as Promise<void>)
  const connection = await plain.dial(node.libp2p.getMultiaddrs())
  const stream = await connection.newStream(PACKETS_PROTOCOL)
  const channel = new StreamPacketChannel(stream, { connection, limits: new Limits() })
  return new ScriptedPeer(channel, plain.peerId)
}

async function overDevp2p(t: Scope, { enode }: BothNetworks, { key, from }: From): Promise<ScriptedPeer> {
  const { host, port, id } = parseEnode(enode)
  const socket = connect({ host, port, localAddress: from })
  t.after(async () => void socket.destroy())
  await once(socket, 'connect')
  const signal = AbortSignal.timeout(10_000)
  const capabilities = offer(['waku/1'])
  const connection = await RlpxConnection.open(
    {
      socket,
      channel: await initiate(socket, key, id, { signal }),
      peer: peerIdFromNodeId(id),
      direction: 'outbound',
      hello: { version: 5, client: 'test', capabilities, port: 0, id: key.id },
      capabilities,
      readTimeout: 30_000,
      roomTimeout: 60_000,
      writeTimeout: 30_000,
      pingInterval: 15_000,
      limits: new Limits()
    },
    { signal }
  )
  const stream = connection.stream('waku')
  if (stream === undefined) throw new Error('waku/1 is not shared')
  stream.maxBody = 1 << 24
  const channel = { packets: stream.messages, send: (code: number, body: Uint8Array) => stream.send(code, body) }
  return new ScriptedPeer(channel as never, key.peerId)
}
