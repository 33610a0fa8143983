import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.js'
import { MalformedError, UnencodableError } from '../../src/wire/errors.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { decodePayload, encodePayload, signerOf, splitPayload } from '../../src/wire/payload/payload.js'
import { publicKeyOf } from '../../src/wire/payload/signature.js'

const key = new Uint8Array(32).fill(3)

test('what was written is read, with its padding and its signer [PAY-02, PAY-04]', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), fc.boolean(), (payload, signed) => {
      const plain = encodePayload(signed ? { payload, signWith: key } : { payload })
      assert.equal(plain.length % 256, 0)
      const opened = decodePayload(plain)
      assert.equal(toHex(opened.payload), toHex(payload))
      assert.equal(opened.signer && toHex(opened.signer), signed ? toHex(publicKeyOf(key)) : undefined)
      assert.equal((plain[0] as number) & 4, signed ? 4 : 0)
    }),
    { numRuns: 60 }
  )
})

test('pads to a multiple of 256 with 1 to 256 bytes [PAY-09]', () => {
  const cases: [length: number, signed: boolean, padding: number][] = [
    [3, false, 251],
    [3, true, 186],
    [254, false, 256],
    [253, false, 1],
    [189, true, 256],
    [188, true, 1]
  ]
  for (const [length, signed, padding] of cases) {
    const init = { payload: new Uint8Array(length) }
    const opened = decodePayload(encodePayload(signed ? { ...init, signWith: key } : init))
    assert.equal(opened.padding.length, padding, `${length} bytes${signed ? ', signed' : ''}`)
  }
})

test('takes the padding that it is given as it is', () => {
  const plain = encodePayload({ payload: fromHex('aabb'), padding: fromHex('0102030405') })
  assert.equal(toHex(plain), '0102aabb0102030405')
})

test('the length takes 1 to 3 bytes, the lowest first [PAY-02, PAY-03]', () => {
  const head = (length: number): string =>
    toHex(encodePayload({ payload: new Uint8Array(length), padding: new Uint8Array(0) }).subarray(0, 4))
  assert.equal(toHex(encodePayload({ payload: new Uint8Array(0), padding: new Uint8Array(0) })), '0100')
  assert.equal(head(255).slice(0, 4), '01ff')
  assert.equal(head(256).slice(0, 6), '020001')
  assert.equal(head(65_535).slice(0, 6), '02ffff')
  assert.equal(head(65_536), '03000001')
  assert.equal(head(2 ** 24 - 1), '03ffffff')
  assert.throws(() => encodePayload({ payload: new Uint8Array(2 ** 24) }), UnencodableError)
})

test('a length field of no bytes means no payload, the rest is padding', () => {
  const opened = decodePayload(fromHex('f8010203'))
  assert.equal(toHex(opened.payload), '')
  assert.equal(toHex(opened.padding), '010203')
  assert.equal(opened.signer, undefined)
  assert.equal(decodePayload(fromHex('00')).padding.length, 0)
})

test('flag bits without a meaning are ignored [PAY-02]', () => {
  assert.equal(toHex(decodePayload(fromHex('f902aabb00')).payload), 'aabb')
})

test('the signature is over all that stands before it, r and s of 32 bytes each, v 0 or 1 [PAY-04, PAY-05, PAY-06, D-14]', () => {
  for (let i = 0; i < 8; i++) {
    const plain = encodePayload({ payload: Uint8Array.of(i), signWith: key })
    const signature = plain.subarray(-65)
    assert.ok((signature[64] as number) <= 1)
    const digest = keccak256(plain.subarray(0, -65))
    assert.equal(secp256k1.verify(signature.subarray(0, 64), digest, publicKeyOf(key), { prehash: false }), true)
  }
})

test('reads v as 0, 1, 27 or 28 and nothing else [PAY-06, D-14]', () => {
  const plain = encodePayload({ payload: fromHex('aabb'), signWith: key })
  const v = plain[plain.length - 1] as number
  const withV = (value: number): Uint8Array => concatBytes(plain.subarray(0, -1), Uint8Array.of(value))
  assert.equal(toHex(decodePayload(withV(v + 27)).signer as Uint8Array), toHex(publicKeyOf(key)))
  assert.notEqual(toHex(decodePayload(withV(1 - v + 27)).signer as Uint8Array), toHex(publicKeyOf(key)))
  for (const value of [2, 3, 26, 29, 30, 255]) assert.throws(() => decodePayload(withV(value)), MalformedError)
})

test('reads a signature whose s is high', () => {
  const plain = encodePayload({ payload: fromHex('aabb'), signWith: key })
  const order = secp256k1.Point.Fn.ORDER
  const s = BigInt(`0x${toHex(plain.subarray(-33, -1))}`)
  const high = fromHex((order - s).toString(16).padStart(64, '0'))
  const flipped = concatBytes(plain.subarray(0, -33), high, Uint8Array.of(1 - (plain[plain.length - 1] as number)))
  assert.equal(toHex(decodePayload(flipped).signer as Uint8Array), toHex(publicKeyOf(key)))
})

test('a changed byte under a signature is another signer, or none', () => {
  const plain = encodePayload({ payload: fromHex('aabb'), signWith: key })
  for (let i = 1; i < plain.length - 65; i += 20) {
    const changed = plain.slice()
    changed[i] = (changed[i] as number) ^ 1
    try {
      assert.notEqual(toHex(decodePayload(changed).signer as Uint8Array), toHex(publicKeyOf(key)))
    } catch (error) {
      assert.ok(error instanceof MalformedError)
    }
  }
})

const refused: [why: string, hex: string][] = [
  ['nothing at all', ''],
  ['no length', '01'],
  ['half a length', '0201'],
  ['a length beyond the end', '0103aabb'],
  ['a length of 3 bytes beyond the end', '03ffffffaabb'],
  ['a signature cut short', `05${'01'.repeat(64)}`],
  ['nothing but a signature', `04${'01'.repeat(65)}`],
  ['a payload that reaches into the signature', `0502aa${'01'.repeat(65)}`],
  ['a signature of zeros', `0500${'00'.repeat(65)}`]
]

for (const [why, hex] of refused) {
  test(`refuses a plaintext with ${why}`, () => assert.throws(() => decodePayload(fromHex(hex)), MalformedError))
}

test('no plaintext makes the reader throw anything but MalformedError', () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 7 }), (rest, flags) => {
      try {
        const { payload, padding } = decodePayload(concatBytes(Uint8Array.of(flags), rest))
        assert.ok(payload.length + padding.length <= rest.length)
      } catch (error) {
        assert.ok(error instanceof MalformedError)
      }
    })
  )
})

test('a plaintext is cut once, for what it says and for who signed it; a signature that is none is found when it is asked for', () => {
  let cuts = 0
  class Counted extends Uint8Array {
    override subarray(start?: number, end?: number): Uint8Array<ArrayBuffer> {
      cuts++
      return new Uint8Array(super.subarray(start, end))
    }
  }
  const plain = encodePayload({ payload: fromHex('aabb'), signWith: key })
  const parts = splitPayload(new Counted(plain))
  assert.equal(toHex(parts.payload), 'aabb')
  const before = cuts
  assert.equal(toHex(signerOf(parts) as Uint8Array), toHex(publicKeyOf(key)))
  assert.equal(cuts, before, 'the signer is told from the parts')
  const broken = plain.slice()
  broken[broken.length - 1] = 200
  const unread = splitPayload(broken)
  assert.equal(toHex(unread.payload), 'aabb')
  assert.throws(() => signerOf(unread), MalformedError)
  assert.equal(signerOf(splitPayload(encodePayload({ payload: fromHex('aabb') }))), undefined)
})
