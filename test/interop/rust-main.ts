import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { FrameBuffer } from '../../src/libp2p/frame-buffer.js'
import { MAIL_PROTOCOL } from '../../src/libp2p/mail-protocol.js'
import { PACKETS_PROTOCOL } from '../../src/libp2p/packet-protocol.js'
import { Daemon } from '../../src/node/daemon.js'
import { readConfig } from '../../src/node/settings/config.js'
import { startShape } from '../../src/node/settings/start-config.js'
import type { Packet } from '../../src/waku/packet-channel.js'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { decodeBatchAck } from '../../src/wire/packet/confirmation.js'
import { batchHash, encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodeFrame, encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { encodeStatusOptions } from '../../src/wire/packet/status.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import { decodeRequestComplete } from '../../src/wire/request/request-complete.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { repositoryRoot } from '../helpers/repository.js'
import { sealRequest } from '../mailserver/request-maker.js'
import { tempDir } from '../node/temp-dir.js'
import { CellEnd, CONTENT_PASSWORD, MAIL_PASSWORD } from './cell.js'
import { hashesOf, makeHistory } from './history.js'

/**
 * `npm run test:rust`: a client on rust-libp2p, which sends the name of the protocol, its bytes and the end of the stream in one
 * piece and waits for nothing, against this node. Building it takes minutes.
 */

const STREAMS = 400
const POSTS = 200
const ENVELOPES = 30

function build(): string {
  const source = join(repositoryRoot, 'test', 'interop', 'rust')
  const target = join(repositoryRoot, 'build', 'interop-rust')
  const { status, error } = spawnSync('cargo', ['build', '--locked', '--target-dir', target], {
    cwd: source,
    stdio: 'inherit'
  })
  if (error !== undefined) throw new Error('cargo is needed (https://rustup.rs), and was not found')
  if (status !== 0) throw new Error('the client in Rust cannot be built')
  return join(target, 'debug', 'waku-mailserver-interop')
}

/** What came on each of the streams that were to carry these bytes. */
async function exchange(client: string, args: [string, string], streams: readonly Uint8Array[]): Promise<Packet[][]> {
  const child = spawn(client, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  child.stdin.end(streams.map(bytes => `${toHex(bytes)}\n`).join(''))
  const answers: Packet[][] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const [hex = '', ...end] = line.split(' ')
    assert.deepEqual(end, ['end'], `stream ${answers.length}: ${line}`)
    answers.push(packetsIn(fromHex(hex)))
  }
  assert.deepEqual(await exit, [0, null])
  return answers
}

function packetsIn(bytes: Uint8Array): Packet[] {
  const buffer = new FrameBuffer()
  buffer.push(bytes)
  const packets: Packet[] = []
  for (let frame = buffer.take(); frame !== undefined; frame = buffer.take()) packets.push(decodeFrame(frame))
  assert.ok(!buffer.partial, 'the answer ends with a frame')
  return packets
}

const client = build()
const end = new CellEnd()
try {
  const dir = tempDir(end)
  writeFileSync(join(dir, 'mail'), MAIL_PASSWORD, { mode: 0o600 })
  const flags = {
    'data-dir': join(dir, 'data'),
    'password-file': join(dir, 'mail'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    'no-devp2p': true,
    'no-admin': true,
    'min-pow': 0,
    'request-pow': 0
  }
  const daemon = await Daemon.start(readConfig(startShape, { flags, env: {} }))
  end.after(() => daemon.stop())
  const { mailserver, waku } = daemon.node.services
  const address = daemon.ready.multiaddrs[0] ?? ''
  const history = makeHistory(ENVELOPES, await keyFromPassword(CONTENT_PASSWORD))
  await mailserver.archive.append(history.all)

  const key = await keyFromPassword(MAIL_PASSWORD)
  const requests = Array.from({ length: STREAMS }, () =>
    encodeFrame(PacketCode.Request, sealRequest({}, { key, pow: 0 }).raw)
  )
  const answers = await exchange(client, [address, MAIL_PROTOCOL], requests)
  assert.equal(answers.length, STREAMS)
  for (const packets of answers) {
    const last = packets.at(-1)
    assert.equal(last?.code, PacketCode.RequestComplete)
    assert.equal(decodeRequestComplete(last.body).error, undefined)
    const got = packets
      .slice(0, -1)
      .flatMap(({ body }) => splitP2PMessage(body).map(({ raw }) => toHex(keccak256(raw))))
    assert.deepEqual(got, hashesOf(history.all))
  }
  process.stdout.write(`${STREAMS} of ${STREAMS} requests answered in full, each half-closed at once\n`)

  const status = encodeFrame(PacketCode.Status, encodeStatusOptions({ pow: 0, bloom: new Uint8Array(64), light: true }))
  const posted = Array.from({ length: POSTS }, () => encodeMessages([newEnvelope().raw]))
  const streams = posted.map(body => Buffer.concat([status, encodeFrame(PacketCode.Messages, body)]))
  const confirmations = await exchange(client, [address, PACKETS_PROTOCOL], streams)
  confirmations.forEach((packets, i) => {
    const acks = packets
      .filter(({ code }) => code === PacketCode.BatchAck)
      .map(({ body }) => toHex(decodeBatchAck(body)))
    assert.deepEqual(acks, [toHex(batchHash(posted[i] as Uint8Array))], `post ${i}`)
  })
  assert.equal((await mailserver.stats()).envelopes, ENVELOPES + POSTS)
  assert.equal(waku.counts.handshakes_failed, 0)
  process.stdout.write(`${POSTS} of ${POSTS} posts confirmed, each half-closed at once\n`)
} finally {
  await end.run()
}
