import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { splitMessage } from '../../src/devp2p/capability.js'
import { DisconnectReason, decodeDisconnect } from '../../src/devp2p/disconnect.js'
import { RlpxHandshakeError } from '../../src/devp2p/errors.js'
import { FrameOpener, FrameSealer, type FrameSecrets } from '../../src/devp2p/frame-cipher.js'
import { createAck, createAuth, deriveSecrets, openAck, openAuth, packetSize } from '../../src/devp2p/handshake.js'
import { decodeHello, P2PMessage } from '../../src/devp2p/hello.js'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { fastKeccak, portableKeccak } from '../../src/devp2p/running-keccak.js'
import { decompress } from '../../src/devp2p/snappy.js'
import { initiate, type RespondOptions, respond, type SecureChannel } from '../../src/devp2p/socket-handshake.js'
import { concatBytes, fromHex, joinBytes, toHex } from '../../src/wire/bytes.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { eciesSeal } from '../../src/wire/payload/ecies.js'
import { encodeList, encodeString, encodeUint } from '../../src/wire/rlp.js'
import { startHost } from './hosts.js'
import { openSocket } from './raw-peer.js'
import { recorded } from './vectors.js'

const alice = new NodeKey(new Uint8Array(32).fill(0x0a))
const bob = new NodeKey(new Uint8Array(32).fill(0x0b))

interface Session {
  clientKey: string
  serverKey: string
  handshakes: {
    authPacket: string
    ackPacket: string
    initNonce: string
    respNonce: string
    localEphemeralPriv: string
    remoteEphemeralPub: string
    aesSecret: string
    macSecret: string
  }[]
  streams: { dir: 'in' | 'out'; hex: string }[][]
}

test('a recorded session of a deployed program: every secret and every frame, byte for byte', async context => {
  const session = recorded<Session>(context, 'rlpx_session_waku1.json')
  if (session === undefined) return
  const [known] = session.handshakes
  const [chunks] = session.streams
  assert.ok(known && chunks)
  const authPacket = fromHex(known.authPacket)
  const ackPacket = fromHex(known.ackPacket)
  const server = new NodeKey(fromHex(session.serverKey))
  const client = new NodeKey(fromHex(session.clientKey))

  const auth = openAuth(authPacket, server, 'eip8')
  assert.equal(toHex(auth.nonce), known.initNonce)
  assert.equal(toHex(auth.id), toHex(client.id))
  const ephemeral = new NodeKey(fromHex(known.localEphemeralPriv))
  assert.equal(toHex(auth.ephemeralKey), toHex(ephemeral.publicKey))
  const ack = openAck(ackPacket, client, 'eip8')
  assert.equal(toHex(ack.nonce), known.respNonce)
  assert.equal(toHex(ack.ephemeralKey.subarray(1)), known.remoteEphemeralPub)

  const ours = { ephemeral, nonce: fromHex(known.initNonce), packet: authPacket }
  for (const keccak of [await fastKeccak(), portableKeccak]) {
    // The initiator's secrets, and their mirror: which is what the recipient holds.
    const initiator = (): FrameSecrets => deriveSecrets('initiator', ours, ack, keccak)
    const recipient = (): FrameSecrets => {
      const { egress, ingress, ...keys } = initiator()
      return { ...keys, egress: ingress, ingress: egress }
    }
    assert.equal(toHex(initiator().aes), known.aesSecret)
    assert.equal(toHex(initiator().mac), known.macSecret)
    for (const [dir, reads, writes] of [
      ['out', recipient(), initiator()],
      ['in', initiator(), recipient()]
    ] as const) {
      const stream = concatBytes(...chunks.filter(chunk => chunk.dir === dir).map(chunk => fromHex(chunk.hex)))
      const frames = stream.subarray((dir === 'out' ? authPacket : ackPacket).length)
      const opener = new FrameOpener(reads)
      opener.push(frames)
      const messages: Uint8Array[] = []
      for (let body = opener.next(); body !== undefined; body = opener.next()) {
        messages.push(body)
      }
      assert.equal(opener.buffered, 0)
      assert.ok(messages.length >= 3, `${messages.length} messages ${dir}`)
      const sealer = new FrameSealer(writes)
      assert.equal(toHex(joinBytes(sealer.seal(messages.map(message => [message])))), toHex(frames))

      const [hello, ...rest] = messages.map(splitMessage)
      assert.equal(hello?.id, P2PMessage.Hello)
      const { version, capabilities, id } = decodeHello(hello.payload)
      assert.equal(version, 5)
      assert.ok(capabilities.some(({ name, version }) => name === 'waku' && version === 1))
      assert.equal(toHex(id), toHex((dir === 'out' ? client : server).id))
      for (const { id, payload } of rest) {
        const body = decompress(payload, 1 << 20)
        if (id === P2PMessage.Disconnect) assert.equal(typeof decodeDisconnect(body), 'number')
        else assert.ok((body[0] as number) >= 0x80, `message ${id} is RLP`)
      }
    }
  }
})

/** Both roles against each other, over bytes alone. */
function shake(form: 'eip8' | 'legacy', auth: { packet: Uint8Array } & ReturnType<typeof createAuth>) {
  const received = openAuth(auth.packet, bob, form)
  assert.deepEqual(received.id, alice.id)
  const ack = createAck(received)
  const answer = openAck(ack.packet, alice, form)
  const ours = deriveSecrets('initiator', auth, answer, portableKeccak)
  const theirs = deriveSecrets('recipient', ack, received, portableKeccak)
  assert.deepEqual(ours.aes, theirs.aes)
  assert.deepEqual(ours.mac, theirs.mac)
  assert.deepEqual(ours.egress.digest(), theirs.ingress.digest())
  assert.deepEqual(ours.ingress.digest(), theirs.egress.digest())
  return { ack, received }
}

test('both roles derive the same secrets from an EIP-8 handshake', () => {
  shake('eip8', createAuth(alice, bob.id))
})

test('packets carry 100 to 300 random bytes of padding, so that they exceed the legacy size [P2P-02]', () => {
  const sizes = new Set<number>()
  for (let i = 0; i < 12; i++) {
    const { packet } = createAuth(alice, bob.id)
    assert.equal(packetSize(packet), packet.length)
    // 2 size, 113 encryption, 2 + 67 + 66 + 33 + 1 content
    const padding = packet.length - 2 - 113 - 169
    assert.ok(padding >= 100 && padding <= 300, `${padding}`)
    sizes.add(padding)
  }
  assert.ok(sizes.size > 1)
})

function legacyAuth(): ReturnType<typeof createAuth> {
  const ephemeral = new NodeKey(new Uint8Array(32).fill(3))
  const nonce = new Uint8Array(32).fill(4)
  const token = alice.ecdh(bob.publicKey)
  const signature = ephemeral.sign(token.map((byte, i) => byte ^ (nonce[i] as number)))
  const plain = concatBytes(signature, keccak256(ephemeral.id), alice.id, nonce, Uint8Array.of(0))
  return { ephemeral, nonce, packet: eciesSeal(plain, bob.publicKey) }
}

test('a packet from before EIP-8 is read, and answered in its own form', () => {
  const auth = legacyAuth()
  assert.equal(auth.packet.length, 307)
  const { ack } = shake('legacy', auth)
  assert.equal(ack.packet.length, 210)
})

test('an initiator from before EIP-8 gets through to Hello over TCP', async context => {
  const target = await startHost(context, { key: bob })
  const auth = legacyAuth()
  const socket = await openSocket(target)
  // In two pieces: its end arrives after its form was guessed from its beginning.
  socket.write(auth.packet.subarray(0, 100))
  socket.write(auth.packet.subarray(100))
  const chunks: Uint8Array[] = []
  let opener: FrameOpener | undefined
  for await (const chunk of socket) {
    if (opener !== undefined) opener.push(chunk)
    else {
      chunks.push(chunk)
      const bytes = concatBytes(...chunks)
      if (bytes.length < 210) continue
      const ack = openAck(bytes.subarray(0, 210), alice, 'legacy')
      opener = new FrameOpener(deriveSecrets('initiator', auth, ack, portableKeccak))
      opener.push(bytes.subarray(210))
    }
    const hello = opener.next()
    if (hello === undefined) continue
    assert.deepEqual(decodeHello(splitMessage(hello).payload).id, bob.id)
    break
  }
})

/** An EIP-8 packet with a body of the test's choice. */
function sealed(body: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const prefix = Uint8Array.of((body.length + 113) >>> 8, body.length + 113)
  return concatBytes(prefix, eciesSeal(body, publicKey, { macData: prefix }))
}

test('another version, further items and trailing data are ignored [P2P-01]', () => {
  const nonce = new Uint8Array(32).fill(4)
  const ephemeral = new NodeKey()
  const token = alice.ecdh(bob.publicKey)
  const items = [
    encodeString(ephemeral.sign(token.map((byte, i) => byte ^ (nonce[i] as number)))),
    encodeString(alice.id),
    encodeString(nonce),
    encodeUint(56),
    encodeList([encodeUint(1), encodeString(new Uint8Array(70))]),
    encodeString(new Uint8Array(3))
  ]
  for (const trailing of [new Uint8Array(0), new Uint8Array(100).fill(0xff), new Uint8Array(250)]) {
    const packet = sealed(concatBytes(encodeList(items), trailing), bob.publicKey)
    shake('eip8', { ephemeral, nonce, packet })
    const ackItems = [encodeString(ephemeral.id), encodeString(nonce), encodeUint(57), encodeList([])]
    const ack = sealed(concatBytes(encodeList(ackItems), trailing), alice.publicKey)
    assert.deepEqual(openAck(ack, alice, 'eip8').ephemeralKey, ephemeral.publicKey)
  }
})

test('packets that are altered, cut, for someone else, or malformed inside are refused', () => {
  const { packet } = createAuth(alice, bob.id)
  const altered = packet.slice()
  altered[100] = (altered[100] as number) ^ 1
  const resized = packet.slice()
  resized[1] = (resized[1] as number) ^ 1
  for (const bad of [
    altered,
    resized,
    packet.subarray(0, -1),
    createAuth(alice, alice.id).packet,
    sealed(new Uint8Array(300), bob.publicKey),
    sealed(new Uint8Array(300).fill(0xff), bob.publicKey),
    sealed(encodeList([]), bob.publicKey),
    sealed(
      encodeList([encodeString(new Uint8Array(65)), encodeString(bob.id), encodeString(new Uint8Array(32))]),
      bob.publicKey
    ),
    sealed(
      encodeList([
        encodeString(new Uint8Array(65)),
        encodeString(new Uint8Array(64)),
        encodeString(new Uint8Array(32))
      ]),
      bob.publicKey
    )
  ]) {
    assert.throws(() => openAuth(bad, bob, 'eip8'), RlpxHandshakeError)
    assert.throws(() => openAck(bad, bob, 'eip8'), RlpxHandshakeError)
  }
  assert.throws(() => packetSize(Uint8Array.of(0xff, 0xff)), RlpxHandshakeError)
  assert.throws(() => packetSize(Uint8Array.of(0, 20)), RlpxHandshakeError)
})

test('the reason of a Disconnect is read in both encodings', () => {
  for (const [hex, reason] of [
    ['c104', DisconnectReason.TooManyPeers],
    ['04', DisconnectReason.TooManyPeers],
    ['c110', DisconnectReason.SubprotocolError],
    ['10', DisconnectReason.SubprotocolError],
    ['c180', DisconnectReason.Requested],
    ['80', DisconnectReason.Requested],
    ['00', DisconnectReason.Requested],
    ['c100', DisconnectReason.Requested],
    ['c0', DisconnectReason.Requested],
    ['', DisconnectReason.Requested],
    ['c281ff', 0xff],
    ['81ff', 0xff],
    ['c20401', undefined],
    ['f80104', undefined],
    ['a0', undefined]
  ] as const) {
    assert.equal(decodeDisconnect(fromHex(hex)), reason, hex)
  }
})

/** Alice dials bob over TCP; what came of it at bob's end. */
async function dialled(
  context: { after(end: () => void): void },
  turn: (socket: Socket) => NonNullable<RespondOptions['turn']>
): Promise<PromiseSettledResult<SecureChannel>> {
  const { signal } = new AbortController()
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const dialling = connect(port, '127.0.0.1')
  const [[accepted]] = (await Promise.all([once(server, 'connection'), once(dialling, 'connect')])) as [
    [Socket],
    unknown
  ]
  context.after(() => {
    dialling.destroy()
    accepted.destroy()
    server.close()
  })
  const [came] = await Promise.allSettled([
    respond(accepted, bob, { signal, turn: turn(accepted) }),
    initiate(dialling.pause(), alice, bob.id, { signal })
  ])
  return came
}

test('between the parts of a handshake others have their turn', async context => {
  let rounds = 0
  const came = await dialled(context, () => async work => {
    let over = false
    const round = (): void => {
      if (over) return
      rounds++
      setImmediate(round)
    }
    setImmediate(round)
    const done = await work()
    over = true
    return done
  })
  assert.equal(came.status, 'fulfilled')
  assert.ok(rounds >= 2, `${rounds} rounds of the event loop`)
})

test('who leaves in the middle of a handshake has no channel', async context => {
  const came = await dialled(context, socket => work => {
    const done = work()
    socket.destroy()
    return done
  })
  assert.ok(came.status === 'rejected' && came.reason instanceof RlpxHandshakeError)
})
