import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sealAsymmetric } from '../../src/wire/payload/asymmetric.js'
import { openData } from '../../src/wire/payload/sealed-data.js'
import { sealSymmetric } from '../../src/wire/payload/symmetric.js'

const plain = new TextEncoder().encode('who may read this')
const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as [Uint8Array, Uint8Array]

test('opens data by whichever key fits, of either kind [PAY-10]', () => {
  const byKey = sealSymmetric(plain, second)
  const toHolder = sealAsymmetric(plain, secp256k1.getPublicKey(second, false))
  for (const data of [byKey, toHolder]) {
    assert.deepEqual(openData(data, { symmetric: [first, second], asymmetric: [first, second] }), plain)
    assert.equal(openData(data, { symmetric: [first], asymmetric: [first] }), undefined)
    assert.equal(openData(data, {}), undefined)
  }
  assert.equal(openData(byKey, { asymmetric: [second] }), undefined)
  assert.equal(openData(toHolder, { symmetric: [second] }), undefined)
})
