import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { MemoryDatastore } from 'datastore-core'
import type { Archive } from '../../src/archive/archive.js'
import { openDatabase } from '../../src/archive/database/database.js'
import type { Origin } from '../../src/limits/origin.js'
import { Keyring } from '../../src/mailserver/keyring.js'
import { Mailserver } from '../../src/mailserver/mailserver.js'
import type { MailserverInit } from '../../src/mailserver/settings.js'
import type { IncomingRequest } from '../../src/waku/mail-exchange.js'
import type { Packet } from '../../src/waku/packet-channel.js'
import { WakuNode } from '../../src/waku/waku-node.js'
import { joinBytes } from '../../src/wire/bytes.js'
import { decodeEnvelope, type Envelope } from '../../src/wire/envelope/envelope.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { answeringLibp2p } from '../../src/wire/request/mail-codec.js'
import { decodeRequestComplete, type RequestComplete } from '../../src/wire/request/request-complete.js'
import { decodeList } from '../../src/wire/rlp.js'
import { silentLogger } from '../helpers/logger.js'
import { KEY } from './request-maker.js'

export async function aPeer(): Promise<PeerId> {
  return peerIdFromPrivateKey(await generateKeyPair('secp256k1'))
}

/** An archive on a real disk; a new one began by the clock. */
export async function diskArchive(t: TestContext, options: { now?: () => number } = {}): Promise<Archive> {
  const dir = await mkdtemp(join(tmpdir(), 'mailserver-'))
  const database = await openDatabase(join(dir, 'db'), options)
  t.after(async () => {
    await database.close()
    await rm(dir, { recursive: true, force: true })
  })
  return database.archive
}

export async function keyringWith(key: Uint8Array = KEY): Promise<Keyring> {
  const keyring = new Keyring({ datastore: new MemoryDatastore(), logger: silentLogger() })
  await keyring.add('main', key)
  return keyring
}

/** A mailserver on a real archive, asked without a network. */
export async function aMailserver(
  t: TestContext,
  init: MailserverInit = {},
  parts: { archive?: Archive; keyring?: Keyring } = {}
): Promise<{ server: Mailserver; archive: Archive; keyring: Keyring; waku: WakuNode }> {
  const archive = parts.archive ?? (await diskArchive(t))
  const keyring = parts.keyring ?? (await keyringWith())
  const waku = new WakuNode({ peerId: await aPeer(), logger: silentLogger() }, { pow: 0 })
  const server = new Mailserver({ waku, archive, keyring, logger: silentLogger() }, init)
  server.start()
  t.after(() => server.stop())
  return { server, archive, keyring, waku }
}

/** A request as a transport hands it over, and what became of it. */
export class TestRequest implements IncomingRequest {
  readonly network
  readonly origin: Origin
  readonly codec = answeringLibp2p
  readonly packets: Packet[] = []
  readonly signal: AbortSignal
  readonly body: Uint8Array
  readonly peer: PeerId
  aborted: Error | undefined
  /** Awaited before each packet leaves: a reader of its own speed. */
  beforeSend: (() => Promise<void>) | undefined
  readonly #gone = new AbortController()

  constructor(peer: PeerId, request: Envelope | Uint8Array, network: 'libp2p' | 'devp2p' = 'libp2p') {
    this.peer = peer
    this.network = network
    this.origin = { peer: peer.toString(), address: peer.toString() }
    this.body = request instanceof Uint8Array ? request : request.raw
    this.signal = this.#gone.signal
  }

  async send(code: number, body: Uint8Array | readonly Uint8Array[]): Promise<void> {
    await this.beforeSend?.()
    this.signal.throwIfAborted()
    this.packets.push({ code, body: body instanceof Uint8Array ? body : joinBytes(body) })
  }

  abort(reason: Error): void {
    this.aborted = reason
    this.#gone.abort(reason)
  }

  /** The bodies of 0x7f, each as the envelopes that it lists. */
  get bodies(): Envelope[][] {
    return this.packets
      .filter(({ code }) => code === PacketCode.P2PMessage)
      .map(({ body }) => decodeList(body, { max: 1 << 20 }).map(({ raw }) => decodeEnvelope(raw)))
  }

  get envelopes(): Envelope[] {
    return this.bodies.flat()
  }

  get hashes(): string[] {
    return this.envelopes.map(({ hashHex }) => hashHex)
  }

  get completions(): RequestComplete[] {
    return this.packets
      .filter(({ code }) => code === PacketCode.RequestComplete)
      .map(({ body }) => decodeRequestComplete(body))
  }

  /** The one completion, which is the last packet. */
  get completion(): RequestComplete {
    const [complete, ...more] = this.completions
    if (complete === undefined || more.length > 0 || this.packets.at(-1)?.code !== PacketCode.RequestComplete) {
      throw new Error(`${this.completions.length} completions among ${this.packets.map(({ code }) => code)}`)
    }
    return complete
  }

  get errorCode(): number | undefined {
    return this.completion.error?.code
  }
}

/** Asks and waits for the answer. */
export async function ask(
  server: Mailserver,
  request: Envelope | Uint8Array,
  options: { peer?: PeerId; network?: 'libp2p' | 'devp2p' } = {}
): Promise<TestRequest> {
  const incoming = new TestRequest(options.peer ?? (await aPeer()), request, options.network)
  await server.handle(incoming)
  return incoming
}

/** By (sent, hash). */
export function inOrder(envelopes: readonly Envelope[]): Envelope[] {
  return [...envelopes].sort((a, b) => a.sent - b.sent || (a.hashHex < b.hashHex ? -1 : 1))
}
