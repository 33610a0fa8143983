import { RLP } from '@ethereumjs/rlp'
import { decodeEnvelope, encodeEnvelope, encodeShortRlp } from '../../../src/wire/envelope/envelope.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { keccak256, leadingZeroBits } from '../../../src/wire/keccak.js'
import { check, checkBytes, checkSmall, type FuzzTarget, read } from '../oracle.js'

export const fuzz: FuzzTarget = input => {
  const envelope = read(() => decodeEnvelope(input), MalformedError)
  if (envelope === undefined) return false
  const { expiry, ttl, topic, data, nonce } = envelope
  checkSmall({ topic, data, raw: envelope.raw }, input)
  checkBytes(encodeEnvelope({ expiry, ttl, topic, data, nonce }).raw, input, 'encoded again it differs')
  checkBytes(envelope.shortRlp(), encodeShortRlp({ expiry, ttl, topic, data }), 'the short form differs')
  check(envelope.shortSize === envelope.shortRlp().length, 'the size of the short form')
  check((envelope.sent + ttl) % 2 ** 32 === expiry, 'the time it was sent')
  checkBytes(envelope.hash, keccak256(input), 'the hash')
  check(envelope.powBits === leadingZeroBits(envelope.powHash), 'the bits of the proof of work')
  check((RLP.decode(input) as unknown[]).length === 5, 'the library sees no five items')
  const memory = new Uint8Array(envelope.roomSize + 3)
  envelope.moveTo(memory, 3)
  checkBytes(envelope.raw, input, 'moved it differs')
  checkBytes(envelope.data, data, 'moved its data differs')
  check(envelope.nonce === nonce, 'moved its nonce differs')
  checkBytes(envelope.hash, keccak256(input), 'moved its hash differs')
  return true
}
