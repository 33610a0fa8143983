import '../../src/base/polyfill.js'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import type { ComponentLogger, Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import { MemoryDatastore } from 'datastore-core'
import type { Archive } from '../../src/archive/archive.js'
import { FrameStream } from '../../src/libp2p/frame-stream.js'
import { libp2pMailDialler } from '../../src/libp2p/mail-line.js'
import { MAIL_PROTOCOL, MailProtocol, type MailProtocolInit } from '../../src/libp2p/mail-protocol.js'
import { Limits } from '../../src/limits/limits.js'
import { MailClient } from '../../src/mailclient/mail-client.js'
import type { MailClientInit } from '../../src/mailclient/settings.js'
import type { Mailserver } from '../../src/mailserver/mailserver.js'
import type { MailserverInit } from '../../src/mailserver/settings.js'
import { TrustList } from '../../src/trust/trust-list.js'
import type { Packet } from '../../src/waku/packet-channel.js'
import type { WakuInit } from '../../src/waku/settings.js'
import { WakuNode } from '../../src/waku/waku-node.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { decodeRequestComplete, type RequestComplete } from '../../src/wire/request/request-complete.js'
import { decodeList } from '../../src/wire/rlp.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { silentLogger } from '../helpers/logger.js'
import { aMailserver } from '../mailserver/fixture.js'

interface Components {
  peerId: PeerId
  registrar: Registrar
  connectionManager: ConnectionManager
  logger: ComponentLogger
}

/** A real node and what its services are built from. */
async function bareNode(t: TestContext): Promise<{ libp2p: Libp2p; components: Components }> {
  let components!: Components
  const libp2p = await libp2pNode({
    services: {
      probe: (given: Components) => {
        components = given
        return {}
      }
    }
  })
  t.after(() => libp2p.stop())
  return { libp2p, components }
}

export interface ServerNode {
  libp2p: Libp2p
  server: Mailserver
  archive: Archive
  protocol: MailProtocol
}

/** A mailserver with a real archive on a real node. */
export async function serverNode(
  t: TestContext,
  init: MailserverInit & MailProtocolInit = {},
  parts: { archive?: Archive } = {}
): Promise<ServerNode> {
  const { libp2p, components } = await bareNode(t)
  const { server, archive } = await aMailserver(t, init, parts)
  const { registrar, logger } = components
  const protocol = new MailProtocol({ registrar, logger, limits: new Limits() }, server.handle, init)
  await protocol.start()
  return { libp2p, server, archive, protocol }
}

export interface ClientNode {
  libp2p: Libp2p
  components: Components
  client: MailClient
  trust: TrustList
  waku: WakuNode
}

/** A mail client on a real node, connected to the servers; it trusts them. */
export async function clientNode(
  t: TestContext,
  servers: ReadonlyArray<{ libp2p: Libp2p }>,
  init: MailClientInit & { waku?: WakuInit } = {}
): Promise<ClientNode> {
  const { libp2p, components } = await bareNode(t)
  const waku = new WakuNode({ peerId: libp2p.peerId, logger: silentLogger() }, { pow: 0, ...init.waku })
  await waku.beforeStart()
  waku.start()
  const trust = new TrustList({ datastore: new MemoryDatastore(), logger: silentLogger() })
  const client = new MailClient({ waku, trust, logger: silentLogger() }, { backoff: 5, ...init })
  client.addDialler('libp2p', libp2pMailDialler(components.connectionManager))
  client.start()
  t.after(async () => {
    client.stop()
    waku.stop()
    await trust.close()
  })
  for (const server of servers) {
    await libp2p.dial(server.libp2p.getMultiaddrs())
    await trust.add(server.libp2p.peerId)
  }
  return { libp2p, components, client, trust, waku }
}

/** A requester driven by hand over a raw stream. */
export class RawRequester {
  readonly stream: Stream
  readonly #frames: FrameStream
  readonly #packets: AsyncIterator<Packet>

  constructor(stream: Stream) {
    this.stream = stream
    this.#frames = new FrameStream(stream)
    this.#packets = this.#frames.packets[Symbol.asyncIterator]()
  }

  static async open(connection: Connection): Promise<RawRequester> {
    return new RawRequester(await connection.newStream(MAIL_PROTOCOL))
  }

  request(envelope: Envelope): void {
    this.stream.send(encodeFrame(PacketCode.Request, envelope.raw))
  }

  /** The next packet; undefined when the server closed its side. Throws when it reset the stream. */
  async next(): Promise<Packet | undefined> {
    const step = await this.#packets.next()
    return step.done === true ? undefined : step.value
  }

  /** Envelopes and completion of the next answer. */
  async answer(): Promise<{ envelopes: Envelope[]; complete: RequestComplete }> {
    const envelopes: Envelope[] = []
    for (;;) {
      const packet = await this.next()
      if (packet === undefined) throw new Error('closed without a completion')
      if (packet.code === PacketCode.RequestComplete) {
        return { envelopes, complete: decodeRequestComplete(packet.body) }
      }
      for (const { raw } of decodeList(packet.body)) envelopes.push(decodeEnvelope(raw))
    }
  }
}

/** Resolves when the stream is over; says how. */
export async function ending(stream: Stream): Promise<string> {
  if (stream.status === 'open' || stream.status === 'closing') await once(stream as unknown as EventTarget, 'close')
  return stream.status
}

/** A raw requester on a node of its own, connected to a server. */
export async function rawRequester(
  t: TestContext,
  server: { libp2p: Libp2p }
): Promise<{ requester: RawRequester; connection: Connection; libp2p: Libp2p }> {
  const { libp2p } = await bareNode(t)
  const connection = await libp2p.dial(server.libp2p.getMultiaddrs())
  return { requester: await RawRequester.open(connection), connection, libp2p }
}

/** What a lying server does with one stream. */
export type Script = (line: ScriptedLine) => Promise<void> | void

/** The server's end of one stream, driven by a test. */
export class ScriptedLine {
  readonly stream: Stream
  readonly #frames: FrameStream
  readonly #packets: AsyncIterator<Packet>

  constructor(stream: Stream) {
    this.stream = stream
    this.#frames = new FrameStream(stream)
    this.#packets = this.#frames.packets[Symbol.asyncIterator]()
  }

  /** The next request. Throws when the client is gone. */
  async request(): Promise<Envelope> {
    const step = await this.#packets.next()
    if (step.done === true) throw new Error('the client closed its side')
    return decodeEnvelope(step.value.body)
  }

  send(code: number, body: Uint8Array): Promise<void> {
    return this.#frames.send(code, body)
  }

  reset(): void {
    this.stream.abort(new Error('reset by the test'))
  }
}

/** A node that answers mailserver streams as a script says, one call per stream. */
export async function lyingServer(
  t: TestContext,
  script: Script
): Promise<{ libp2p: Libp2p; lines: ScriptedLine[]; failures: Error[] }> {
  const { libp2p } = await bareNode(t)
  const lines: ScriptedLine[] = []
  const failures: Error[] = []
  await libp2p.handle(MAIL_PROTOCOL, stream => {
    const line = new ScriptedLine(stream)
    lines.push(line)
    Promise.resolve(script(line)).catch(error => failures.push(error))
  })
  return { libp2p, lines, failures }
}
