import assert from 'node:assert/strict'
import { createCipheriv, createECDH, createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { openAsymmetric, sealAsymmetric } from '../../src/wire/payload/asymmetric.js'
import { ECIES_OVERHEAD, eciesOpen, eciesSeal } from '../../src/wire/payload/ecies.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { recorded } from '../devp2p/vectors.js'

const privateKey = new Uint8Array(32).fill(9)
const publicKey = secp256k1.getPublicKey(privateKey, false)
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
const plain = new TextEncoder().encode('a message for the holder of one key')

test('opens what it sealed, with 113 bytes around it [PAY-08]', () => {
  for (const key of [publicKey, secp256k1.getPublicKey(privateKey, true)]) {
    const sealed = eciesSeal(plain, key)
    assert.equal(sealed.length, plain.length + ECIES_OVERHEAD)
    assert.deepEqual(eciesOpen(sealed, privateKey), plain)
  }
})

test('writes the bytes that the standard primitives give for known keys [PAY-08]', () => {
  const ephemeralKey = new Uint8Array(32).fill(5)
  const iv = new Uint8Array(16).fill(6)
  const macData = Uint8Array.of(1, 2)
  const ecdh = createECDH('secp256k1')
  ecdh.setPrivateKey(ephemeralKey)
  const derived = sha256(Buffer.from('00000001', 'hex'), ecdh.computeSecret(publicKey))
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  const encrypted = Buffer.concat([iv, cipher.update(plain)])
  const tag = createHmac('sha256', sha256(derived.subarray(16)))
    .update(encrypted)
    .update(macData)
    .digest()

  const ephemeral = { publicKey: ecdh.getPublicKey(), ecdh: (key: Uint8Array) => ecdh.computeSecret(key) }
  const sealed = eciesSeal(plain, publicKey, { ephemeral, iv, macData })
  assert.equal(toHex(sealed), Buffer.concat([ecdh.getPublicKey(), encrypted, tag]).toString('hex'))
})

test('does not open with another key, other mac data, or any bit changed [PAY-08]', () => {
  const sealed = eciesSeal(plain, publicKey, { macData: Uint8Array.of(1, 2) })
  assert.equal(eciesOpen(sealed, new Uint8Array(32).fill(8), { macData: Uint8Array.of(1, 2) }), undefined)
  assert.equal(eciesOpen(sealed, privateKey), undefined)
  assert.equal(eciesOpen(sealed, privateKey, { macData: Uint8Array.of(1, 3) }), undefined)
  for (const at of [0, 1, 40, 64, 65, 80, 81, sealed.length - 33, sealed.length - 32, sealed.length - 1]) {
    const altered = sealed.slice()
    altered[at] = (altered[at] as number) ^ 1
    assert.equal(eciesOpen(altered, privateKey, { macData: Uint8Array.of(1, 2) }), undefined, `byte ${at}`)
  }
})

test('short input is not for this key, whatever its length', () => {
  const sealed = eciesSeal(Uint8Array.of(1), publicKey)
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(openAsymmetric(sealed.subarray(0, length), privateKey), undefined)
  }
})

test('an empty message cannot be sealed', () => {
  assert.throws(() => sealAsymmetric(new Uint8Array(0), publicKey), RangeError)
})

interface AsymmetricVectors {
  dstPriv: string
  vectors: { data: string; plaintext: string; openedPayload: string; srcPub?: string }[]
}

test('opens payloads that status-go sealed for a key [PAY-08]', context => {
  const file = recorded<AsymmetricVectors>(context, 'payload_asym.json')
  if (file === undefined) return
  for (const vector of file.vectors) {
    const opened = openAsymmetric(fromHex(vector.data), fromHex(file.dstPriv))
    assert.ok(opened)
    assert.equal(toHex(opened), vector.plaintext)
    const payload = decodePayload(opened)
    assert.equal(toHex(payload.payload), vector.openedPayload)
    assert.equal(payload.signer && toHex(payload.signer), vector.srcPub)
  }
})
