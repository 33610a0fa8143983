import type { CapabilityStream } from '../../src/devp2p/capability-stream.js'
import { offer } from '../../src/devp2p/capability-traits.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import type { RlpxConnection } from '../../src/devp2p/rlpx-connection.js'
import { RlpxHost } from '../../src/devp2p/rlpx-host.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openSymmetric } from '../../src/wire/payload/symmetric.js'
import { decodeLegacyPayload } from '../../src/wire/request/legacy-mail.js'
import type { Scope } from '../helpers/scope.js'

/** One request that a streaming server was sent. */
export interface StreamRequest {
  lower: number
  upper: number
  /** How many connections there were before its own. */
  connection: number
}

export interface StreamingServerInit {
  /** By (sent, hash). May grow. */
  archive: readonly Envelope[]
  key: Uint8Array
  /** What it does in place of answering, for the requests that a test wants to go wrong; false to answer. */
  fault?: (request: StreamRequest, line: StreamLine) => Promise<boolean> | boolean
}

/** One connection, for faults. */
export interface StreamLine {
  readonly connection: RlpxConnection
  deliver(envelope: Envelope): Promise<void>
}

/** With four items: pow 0, every topic, no light node. What go-ethereum sends. */
const SHORT_STATUS = Uint8Array.of(0xc4, 0x06, 0x80, 0x80, 0x80)

/**
 * A mailserver as go-ethereum's, over real RLPx: raw requests only, each envelope of the range in a packet of its own, and
 * no word at the end. What it cannot open it ignores.
 */
export class StreamingServer {
  readonly requests: StreamRequest[] = []
  readonly enode: string
  readonly #init: StreamingServerInit
  #connections = 0

  private constructor(host: RlpxHost, init: StreamingServerInit) {
    this.enode = host.enode('127.0.0.1') as string
    this.#init = init
  }

  static async listen(t: Scope, init: StreamingServerInit): Promise<StreamingServer> {
    let server: StreamingServer | undefined
    const host = new RlpxHost({
      key: new NodeKey(),
      capabilities: offer(['shh/6']),
      onConnection: connection => void server?.serve(connection)
    })
    await host.listen({ host: '127.0.0.1', port: 0 })
    t.after(() => host.stop())
    server = new StreamingServer(host, init)
    return server
  }

  private async serve(connection: RlpxConnection): Promise<void> {
    const count = this.#connections++
    const stream = connection.stream('shh') as CapabilityStream
    const line = {
      connection,
      deliver: ({ raw }: Envelope) => stream.send(PacketCode.P2PMessage, raw)
    }
    try {
      await stream.send(PacketCode.Status, SHORT_STATUS)
      for await (const { code, body } of stream.messages) {
        if (code === PacketCode.Request) await this.#answer(body, count, line)
      }
    } catch {
      // the other side is gone
    }
  }

  async #answer(body: Uint8Array, connection: number, line: StreamLine): Promise<void> {
    const plain = openSymmetric(decodeEnvelope(body).data, this.#init.key)
    if (plain === undefined) return
    const { lower, upper } = decodeLegacyPayload(decodePayload(plain).payload).request
    const request = { lower, upper, connection }
    this.requests.push(request)
    if ((await this.#init.fault?.(request, line)) === true) return
    for (const envelope of this.#init.archive) {
      if (envelope.sent >= lower && envelope.sent <= upper) await line.deliver(envelope)
    }
  }
}
