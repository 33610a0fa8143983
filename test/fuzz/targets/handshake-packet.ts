import { RlpxHandshakeError } from '../../../src/devp2p/errors.js'
import { openAck, openAuth } from '../../../src/devp2p/handshake.js'
import { NodeKey } from '../../../src/devp2p/node-key.js'
import { fromHex } from '../../../src/wire/bytes.js'
import { check, checkSmall, type FuzzTarget, read } from '../oracle.js'

/** Whom the packets of the corpus are sealed for. */
export const recipient = new NodeKey(fromHex('ddcc21d99b010a9738ea30c2be648bedbd120d40d096e10835bd773f8080eb4a'))

/** Whole packets as they come from the socket, sealed or not. */
export const fuzz: FuzzTarget = input => {
  let any = false
  for (const form of ['eip8', 'legacy'] as const) {
    const auth = read(() => openAuth(input, recipient, form), RlpxHandshakeError)
    const ack = read(() => openAck(input, recipient, form), RlpxHandshakeError)
    for (const share of [auth, ack]) {
      if (share === undefined) continue
      any = true
      checkSmall(share, input)
      check(share.ephemeralKey.length === 65 && share.nonce.length === 32, 'a field of the wrong size')
    }
  }
  return any
}
