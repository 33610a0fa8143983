import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { createLibp2p } from 'libp2p'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { quickNoise } from '../../src/node/crypto/quick-noise.js'
import { useQuickSecp256k1 } from '../../src/node/crypto/quick-secp256k1.js'
import { useQuickSymmetric } from '../../src/node/crypto/quick-symmetric.js'
import { corkedTcp } from '../../src/node/peer/corked-tcp.js'
import { keccak256, keccakAfter, useKeccak } from '../../src/wire/keccak.js'
import { sign, useSigner } from '../../src/wire/payload/signature.js'
import { openSymmetric, sealSymmetric, useAesGcm } from '../../src/wire/payload/symmetric.js'
import { until } from '../helpers/waku-node.js'

type Kind = { encrypter: ReturnType<typeof quickNoise>; transport: ReturnType<typeof corkedTcp> }

const QUICK: Kind = { encrypter: quickNoise(), transport: corkedTcp() }
const USUAL: Kind = { encrypter: noise() as Kind['encrypter'], transport: tcp() }

async function aNode(t: TestContext, { encrypter, transport }: Kind, privateKey: PrivateKey) {
  const node = await createLibp2p({
    privateKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [transport],
    connectionEncrypters: [encrypter],
    streamMuxers: [yamux()]
  })
  t.after(() => node.stop() as Promise<void>)
  return node
}

test('opens what the portable AES-GCM seals and the other way round, and neither what was altered', async () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const key = bytes(32).filter(key => key.some(byte => byte > 0))
  await fc.assert(
    fc.property(key, bytes(12), fc.uint8Array({ maxLength: 3000 }), fc.nat(), (key, iv, plain, at) => {
      useAesGcm()
      const sealed = sealSymmetric(plain, key, { iv })
      useQuickSymmetric()
      assert.deepEqual(sealSymmetric(plain, key, { iv }), sealed)
      const altered = sealed.slice()
      altered[at % altered.length] = (altered[at % altered.length] as number) ^ 1
      for (const use of [useAesGcm, useQuickSymmetric]) {
        use()
        assert.deepEqual(openSymmetric(sealed, key), plain.length === 0 ? undefined : plain)
        assert.equal(openSymmetric(altered, key), undefined)
        assert.equal(Object.getPrototypeOf(openSymmetric(sealed, key) ?? plain), Uint8Array.prototype)
      }
    })
  )
  useAesGcm()
})

test('agrees with the noise of libp2p, as either side, with keys of either kind', async t => {
  useQuickSecp256k1()
  for (const type of ['secp256k1', 'Ed25519'] as const) {
    for (const [dialler, listener] of [
      [QUICK, USUAL],
      [USUAL, QUICK]
    ] as const) {
      const server = await aNode(t, listener, await generateKeyPair(type))
      let got = 0
      await server.handle('/count/1.0.0', stream => {
        stream.addEventListener('message', ({ data }) => {
          got += data.byteLength
        })
      })
      const client = await aNode(t, dialler, await generateKeyPair(type))
      // twice: what was signed for the first connection serves for the second
      for (let i = 0; i < 2; i++) {
        const connection = await client.dial(server.getMultiaddrs()[0] as never)
        assert.ok(connection.remotePeer.equals(server.peerId))
        const stream = await connection.newStream('/count/1.0.0')
        for (const size of [1, 1000, 100_000]) stream.send(new Uint8Array(size))
        await until(() => got === (i + 1) * 101_001)
        await connection.close()
      }
    }
  }
})

test('refuses who signed its key of noise with another key than its own', async t => {
  useQuickSecp256k1()
  const key = await generateKeyPair('secp256k1')
  const other = await generateKeyPair('secp256k1')
  const forger = new Proxy(key, {
    get: (all, name) => (name === 'sign' ? other.sign.bind(other) : Reflect.get(all, name))
  })
  const server = await aNode(t, QUICK, await generateKeyPair('secp256k1'))
  const client = await aNode(t, USUAL, forger)
  await assert.rejects(async () => {
    const connection = await client.dial(server.getMultiaddrs()[0] as never)
    await connection.newStream('/any')
  })
  assert.equal(server.getConnections().length, 0)
})

test('keys of libp2p sign and verify as before', async () => {
  useQuickSecp256k1()
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 32 }).filter(raw => secp256k1.utils.isValidSecretKey(raw)),
      fc.uint8Array({ maxLength: 100 }),
      fc.nat(80),
      async (raw, message, at) => {
        const key = privateKeyFromRaw(raw)
        const digest = sha256(message)
        const signature = await key.sign(message)
        assert.deepEqual(signature, secp256k1.sign(digest, raw, { prehash: false, format: 'der' }))
        assert.equal(await key.publicKey.verify(message, signature), true)
        assert.equal(await key.publicKey.verify(Uint8Array.of(...message, 1), signature), false)
        const damaged = Uint8Array.from(signature)
        damaged[at % damaged.length] = (damaged[at % damaged.length] as number) ^ 1
        assert.equal(await key.publicKey.verify(message, damaged), false)
        assert.equal(await key.publicKey.verify(message, signature.subarray(1)), false)
        const { r, s } = secp256k1.Signature.fromBytes(signature, 'der')
        const high = new secp256k1.Signature(r, secp256k1.Point.CURVE().n - s).toBytes('der')
        assert.equal(await key.publicKey.verify(message, high), false)
      }
    ),
    { numRuns: 30 }
  )
})

test('hashes as the portable Keccak, whatever the length, whole and behind a prefix', async () => {
  await useQuickKeccak()
  try {
    // around the ends of blocks, and of what the hasher takes at once (16 KiB)
    const lengths = [0, 1, 2].flatMap(n => [n, 134 + n, 270 + n, 16_383 + n, 65_006 + n])
    for (const length of [...lengths, 1_000_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) ^ (i >> 8))
      const hash = keccak_256(bytes)
      assert.deepEqual(keccak256(bytes), hash, `${length} bytes`)
      for (const at of [0, 8, 136, 300, 65_100].filter(n => n <= length)) {
        const after = keccakAfter(bytes.subarray(0, length - at))
        keccak256(bytes.subarray(0, 200))
        for (let times = 0; times < 2; times++) assert.deepEqual(after(bytes.subarray(length - at)), hash)
      }
    }
  } finally {
    useKeccak()
  }
})

test('payloads are signed as before', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }).filter(raw => secp256k1.utils.isValidSecretKey(raw)),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (key, digest) => {
        useSigner()
        const signature = sign(digest, key)
        useQuickSecp256k1()
        assert.deepEqual(sign(digest, key), signature)
      }
    ),
    { numRuns: 30 }
  )
})
