import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import type { Connection } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p, type ServiceFactoryMap } from 'libp2p'
import { MAX_BODY } from '../../../src/devp2p/capability-stream.js'
import { offer } from '../../../src/devp2p/capability-traits.js'
import { DisconnectReason } from '../../../src/devp2p/disconnect.js'
import { parseEnode, peerIdFromNodeId } from '../../../src/devp2p/enode.js'
import { NodeKey } from '../../../src/devp2p/node-key.js'
import { RlpxConnection } from '../../../src/devp2p/rlpx-connection.js'
import { initiate } from '../../../src/devp2p/socket-handshake.js'
import { FrameStream } from '../../../src/libp2p/frame-stream.js'
import { MAIL_PROTOCOL } from '../../../src/libp2p/mail-protocol.js'
import { PACKETS_PROTOCOL } from '../../../src/libp2p/packet-protocol.js'
import { Limits } from '../../../src/limits/limits.js'
import type { Packet } from '../../../src/waku/packet-channel.js'

/** Where the node is that is attacked. */
export interface Target {
  libp2p: string
  enode: string
}

export type Network = 'libp2p' | 'devp2p'

/** Packets to and from the node, on either network. */
export interface Line {
  readonly signal: AbortSignal
  readonly packets: AsyncIterable<Packet>
  send(code: number, body: Uint8Array): Promise<void>
  /** Leaves nothing behind that keeps a process running. */
  end(): Promise<void>
}

let connections = 0

/** How many connections of this process the node has agreed to so far, and sockets where nothing is to be agreed. */
export const begun = (): number => connections

/** A new identity that dials from a loopback address of its own. */
async function peerFrom(localAddress: string, services: ServiceFactoryMap = {}): Promise<Libp2p> {
  return await createLibp2p({
    transports: [tcp({ dialOpts: { localAddress } as object })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services
  })
}

/** A connection of a new identity from a loopback address of its own. */
export async function connectFrom(
  localAddress: string,
  target: Target,
  services: ServiceFactoryMap = {}
): Promise<Connection> {
  const peer = await peerFrom(localAddress, services)
  const connection = await peer.dial(multiaddr(target.libp2p))
  connections++
  return connection
}

/** A socket to the devp2p side. */
export async function socketFrom(localAddress: string, target: Target): Promise<Socket> {
  const socket = await connectSocket(localAddress, target)
  connections++
  return socket
}

async function connectSocket(localAddress: string, { enode }: Target): Promise<Socket> {
  const { host, port } = parseEnode(enode)
  const socket = connect({ host, port, localAddress })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** The same over devp2p, behind both Hellos. */
export async function rlpxFrom(localAddress: string, target: Target): Promise<RlpxConnection> {
  const { id } = parseEnode(target.enode)
  const socket = await connectSocket(localAddress, target)
  const key = new NodeKey()
  const signal = AbortSignal.timeout(10_000)
  const capabilities = offer(['waku/1'])
  return await RlpxConnection.open(
    {
      socket,
      channel: await initiate(socket, key, id, { signal }),
      peer: peerIdFromNodeId(id),
      direction: 'outbound',
      hello: { version: 5, client: 'torture', capabilities, port: 0, id: key.id },
      capabilities,
      readTimeout: 60_000,
      roomTimeout: 60_000,
      writeTimeout: 60_000,
      pingInterval: 15_000,
      limits: new Limits()
    },
    { signal }
  )
}

/** A line that carries packets, or with `mail` requests. */
export async function lineFrom(
  network: Network,
  localAddress: string,
  target: Target,
  options: { mail?: boolean } = {}
): Promise<Line> {
  if (network === 'libp2p') {
    const peer = await peerFrom(localAddress)
    const connection = await peer.dial(multiaddr(target.libp2p))
    connections++
    const frames = new FrameStream(await connection.newStream(options.mail === true ? MAIL_PROTOCOL : PACKETS_PROTOCOL))
    const { signal, packets } = frames
    return { signal, packets, send: (code, body) => frames.send(code, body), end: async () => await peer.stop() }
  }
  const connection = await rlpxFrom(localAddress, target)
  const stream = connection.stream('waku')
  if (stream === undefined) throw new Error('the node speaks no waku/1')
  stream.maxBody = MAX_BODY
  connections++
  return {
    signal: connection.signal,
    packets: stream.messages,
    send: (code, body) => stream.send(code, body),
    end: () => connection.disconnect(DisconnectReason.Requested)
  }
}

/** Takes whatever comes. */
export async function drain({ packets }: Line): Promise<void> {
  try {
    for await (const _ of packets);
  } catch {
    // the node ended it
  }
}
