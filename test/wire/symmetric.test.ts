import assert from 'node:assert/strict'
import { createDecipheriv, pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { toHex } from '../../src/wire/bytes.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { UnencodableError } from '../../src/wire/errors.js'
import { openSymmetric, sealSymmetric } from '../../src/wire/payload/symmetric.js'

const key = new Uint8Array(32).fill(7)

test('ciphertext, tag and iv follow each other, as AES-256-GCM made them [PAY-07, PAY-08]', () => {
  const plain = Uint8Array.from({ length: 256 }, (_, i) => i)
  const iv = new Uint8Array(12).fill(9)
  const data = sealSymmetric(plain, key, { iv })
  assert.equal(data.length, plain.length + 28)
  assert.equal(toHex(data.subarray(-12)), toHex(iv))
  const decipher = createDecipheriv('aes-256-gcm', key, iv)
  decipher.setAuthTag(data.subarray(-28, -12))
  assert.equal(toHex(decipher.update(data.subarray(0, -28))), toHex(plain))
  decipher.final()
})

test('what was sealed is opened by its key only [PAY-01]', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), plain => {
      const data = sealSymmetric(plain, key)
      assert.equal(toHex(openSymmetric(data, key) as Uint8Array), toHex(plain))
      assert.equal(openSymmetric(data, new Uint8Array(32).fill(8)), undefined)
    })
  )
})

test('the iv is random [PAY-08]', () => {
  const ivs = Array.from({ length: 20 }, () => toHex(sealSymmetric(Uint8Array.of(1), key).subarray(-12)))
  assert.equal(new Set(ivs).size, 20)
})

test('nothing opens when a byte was changed or cut off', () => {
  const data = sealSymmetric(new Uint8Array(40), key)
  for (let i = 0; i < data.length; i++) {
    const changed = data.slice()
    changed[i] = (changed[i] as number) ^ 0x80
    assert.equal(openSymmetric(changed, key), undefined)
    assert.equal(openSymmetric(data.subarray(0, i), key), undefined)
  }
})

test('nothing is too little to be opened', () => {
  const data = sealSymmetric(new Uint8Array(0), key)
  assert.equal(data.length, 28)
  assert.equal(openSymmetric(data, key), undefined)
})

test('a key of another length or of zeros is no key', () => {
  for (const bad of [new Uint8Array(0), new Uint8Array(16).fill(1), new Uint8Array(32)]) {
    assert.throws(() => sealSymmetric(Uint8Array.of(1), bad), UnencodableError)
    assert.throws(() => openSymmetric(new Uint8Array(40), bad), UnencodableError)
  }
  assert.throws(() => sealSymmetric(Uint8Array.of(1), key, { iv: new Uint8Array(16) }), UnencodableError)
})

test('a password becomes a key with 65356 iterations and no salt', async () => {
  const published = {
    password: '9afe990d1915aa6c20da3c5c26b4656ed871418867e89709f15f571c91d21824',
    'status-offline-inbox': '765df27c0765526f920ba742ff4b9452bb0064e016435ffccd81186aa6feaae8',
    test: 'a82a520aff70f7a989098376e48ec128f25f767085e84d7fb995a9815eebff0a'
  }
  for (const [password, expected] of Object.entries(published)) {
    assert.equal(toHex(await keyFromPassword(password)), expected)
  }
  for (const password of ['', 'пароль']) {
    const other = pbkdf2Sync(password, '', 65_356, 32, 'sha256').toString('hex')
    assert.equal(toHex(await keyFromPassword(password)), other)
  }
})
