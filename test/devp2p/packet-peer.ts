import assert from 'node:assert/strict'
import type { CapabilityStream } from '../../src/devp2p/capability-stream.js'
import { MAX_BODY } from '../../src/devp2p/capability-stream.js'
import { offer } from '../../src/devp2p/capability-traits.js'
import type { DisconnectError } from '../../src/devp2p/disconnect.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { RlpxConnection } from '../../src/devp2p/rlpx-connection.js'
import { RlpxHost } from '../../src/devp2p/rlpx-host.js'
import { shh6Status, waku0Status } from '../../src/wire/packet/legacy-status.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import type { StatusOptions } from '../../src/wire/packet/status.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import type { Capability } from '../../src/wire/request/dialect.js'
import { PacketInbox } from '../helpers/packet-inbox.js'
import type { Scope } from '../helpers/scope.js'

export const STATUS = { 'waku/1': waku1Status, 'waku/0': waku0Status, 'shh/6': shh6Status }

const DEADLINE = 30_000

/** A peer whose packets the test writes itself, over a real RLPx connection. */
export class PacketPeer extends PacketInbox {
  readonly #stream: CapabilityStream
  #stalled: Promise<void> | undefined

  private constructor(
    readonly connection: RlpxConnection,
    readonly capability: Capability
  ) {
    super(DEADLINE)
    const [name] = capability.split('/') as [string]
    const stream = connection.stream(name)
    if (stream === undefined || `${name}/${stream.version}` !== capability)
      throw new Error(`${capability} is not shared`)
    this.#stream = stream
    stream.maxBody = MAX_BODY
    void this.receive(stream.messages, () => this.#stalled)
  }

  static async dial(
    t: Scope,
    node: { enode: string },
    capability: Capability,
    options: { key?: NodeKey; offered?: Capability[] } = {}
  ): Promise<PacketPeer> {
    const { key = new NodeKey(), offered = [capability] } = options
    const host = new RlpxHost({ key, capabilities: offer(offered), onConnection: () => {} })
    t.after(() => host.stop())
    return new PacketPeer(await host.dial(node.enode), capability)
  }

  /** Waits for a connection; `peer` resolves when it is there. */
  static async listen(t: Scope, capability: Capability): Promise<{ enode: string; peer: Promise<PacketPeer> }> {
    let connected: (connection: RlpxConnection) => void = () => {}
    const connection = new Promise<RlpxConnection>(resolve => {
      connected = resolve
    })
    const host = new RlpxHost({ key: new NodeKey(), capabilities: offer([capability]), onConnection: connected })
    await host.listen({ host: '127.0.0.1', port: 0 })
    t.after(() => host.stop())
    return {
      enode: host.enode('127.0.0.1') as string,
      peer: connection.then(connection => new PacketPeer(connection, capability))
    }
  }

  /** Reads nothing any more, from the next packet on. */
  stall(): void {
    this.#stalled = new Promise(() => {})
  }

  /** Another capability of the same connection. */
  beside(capability: Capability): PacketPeer {
    return new PacketPeer(this.connection, capability)
  }

  send(code: number, body: Uint8Array): Promise<void> {
    return this.#stream.send(code, body)
  }

  /** Sends a Status and waits for the other side's. */
  async shakeHands(status: StatusOptions = {}): Promise<Uint8Array> {
    await this.send(PacketCode.Status, STATUS[this.capability].encodeStatus(status))
    return (await this.next(PacketCode.Status)).body
  }

  /** Waits for the other side to end the connection; with which reason. */
  async reason(): Promise<number> {
    const error = (await this.connection.closed) as DisconnectError
    assert.equal(error.name, 'DisconnectError', String(error.stack))
    return error.reason
  }
}
