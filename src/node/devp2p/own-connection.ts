import type { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { offer } from '../../devp2p/capability-traits.js'
import { type CapabilityStream, MAX_BODY, NodeKey, peerIdFromNodeId } from '../../devp2p/index.js'
import { RlpxConnection } from '../../devp2p/rlpx-connection.js'
import { initiate, respond, type SecureChannel } from '../../devp2p/socket-handshake.js'
import * as FIGURES from '../../limits/figures.js'
import { Limits } from '../../limits/limits.js'
import type { Capability } from '../../wire/request/dialect.js'

/** A connection of this process with itself, agreed and in memory: `near` dialled, `far` answers. */
export interface OwnConnection {
  near: CapabilityStream
  far: CapabilityStream
  /** What `far` knows of `near`. */
  peer: Pick<RlpxConnection, 'peer' | 'origin'>
  close(): void
}

/** @throws what handshake and Hello throw; the reason of the signal */
export async function connectToSelf(id: Capability, { signal }: { signal: AbortSignal }): Promise<OwnConnection> {
  const { within } = FIGURES.devp2p
  const timeouts = {
    readTimeout: within.read,
    roomTimeout: within.room,
    writeTimeout: within.write,
    pingInterval: within.ping
  }
  const [nearSocket, farSocket] = duplexPair().map(asSocket) as [Socket, Socket]
  const [nearKey, farKey] = [new NodeKey(), new NodeKey()]
  const capabilities = offer([id])
  const open = (socket: Socket, channel: SecureChannel, key: NodeKey): Promise<RlpxConnection> => {
    const hello = { version: 5, client: 'waku-mailserver', capabilities, port: 0, id: key.id }
    const direction = socket === nearSocket ? 'outbound' : 'inbound'
    const peer = peerIdFromNodeId(channel.remoteId)
    const init = { socket, channel, peer, direction, hello, capabilities, ...timeouts, limits: new Limits() } as const
    return RlpxConnection.open(init, { signal })
  }
  const close = (): void => {
    nearSocket.destroy()
    farSocket.destroy()
  }
  try {
    const [nearChannel, farChannel] = await Promise.all([
      initiate(nearSocket, nearKey, farKey.id, { signal }),
      respond(farSocket, farKey, { signal })
    ])
    const [near, far] = await Promise.all([open(nearSocket, nearChannel, nearKey), open(farSocket, farChannel, farKey)])
    return { near: streamOf(near), far: streamOf(far), peer: far, close }
  } catch (error) {
    close()
    throw error
  }
}

function streamOf({ streams: [stream] }: RlpxConnection): CapabilityStream {
  if (stream === undefined) throw new RangeError('no capability is shared')
  stream.maxBody = MAX_BODY
  return stream
}

/** All that a connection uses of a socket beside what every stream has. */
function asSocket(stream: Duplex): Socket {
  // its end may be gone before the other one is through with it
  stream.on('error', () => {})
  // a kernel takes a copy: the bytes themselves are given back as soon as they are sent
  const write = stream.write.bind(stream) as (chunk: Uint8Array, told?: (error?: Error | null) => void) => boolean
  const copying: typeof write = (chunk, told) => write(Uint8Array.from(chunk), told)
  return Object.assign(stream, { setNoDelay: () => stream, write: copying }) as unknown as Socket
}
