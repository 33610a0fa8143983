import { RlpxHandshakeError } from '../../../src/devp2p/errors.js'
import { mayBeLegacy, packetSize, readAckBody, readAuthBody } from '../../../src/devp2p/handshake.js'
import { encodeList, encodeString } from '../../../src/wire/rlp.js'
import { attempt, check, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

/** What auth and ack hold once they are opened. */
export const fuzz: FuzzTarget = input => {
  let any = false
  if (input.length >= 2) {
    mayBeLegacy(input)
    const size = attempt(() => packetSize(input), RlpxHandshakeError)
    if ('value' in size) check(size.value > 100 && size.value <= 4096, 'a size out of its range')
  }
  for (const form of ['eip8', 'legacy'] as const) {
    const auth = read(() => readAuthBody(input, form), RlpxHandshakeError)
    const ack = read(() => readAckBody(input, form), RlpxHandshakeError)
    for (const body of [auth, ack]) {
      if (body === undefined) continue
      any = true
      checkSmall(body, input)
      check(body.id.length === 64 && body.nonce.length === 32, 'a field of the wrong size')
    }
    check(auth === undefined || auth.signature.length === 65, 'a signature is 65 bytes')
    if (form === 'legacy') continue
    if (auth !== undefined) {
      const written = encodeList([auth.signature, auth.id, auth.nonce].map(encodeString))
      checkSame(readAuthBody(written, form), auth, 'written and read an auth differs')
    }
    if (ack !== undefined) {
      const written = encodeList([ack.id, ack.nonce].map(encodeString))
      checkSame(readAckBody(written, form), ack, 'written and read an ack differs')
    }
  }
  return any
}
