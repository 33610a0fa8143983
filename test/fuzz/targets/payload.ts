import { fromHex } from '../../../src/wire/bytes.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { decodePayload, encodePayload } from '../../../src/wire/payload/payload.js'
import { openData } from '../../../src/wire/payload/sealed-data.js'
import { openSymmetric, sealSymmetric } from '../../../src/wire/payload/symmetric.js'
import { check, checkBytes, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

const key = new Uint8Array(32).fill(7)
const iv = new Uint8Array(12).fill(9)
const privateKey = fromHex('ddcc21d99b010a9738ea30c2be648bedbd120d40d096e10835bd773f8080eb4a')

/** The data of an envelope: what is sealed, and what is inside. */
export const fuzz: FuzzTarget = input => {
  check(openSymmetric(input, key) === undefined, 'a ciphertext that nobody made opens')
  if (input.length > 0) {
    const sealed = sealSymmetric(input, key, { iv })
    const opened = openSymmetric(sealed, key)
    check(opened !== undefined, 'sealed, it does not open')
    checkBytes(opened, input, 'sealed and opened it differs')
    const at = (input[0] as number) % sealed.length
    sealed[at] = (sealed[at] as number) ^ 1
    check(openSymmetric(sealed, key) === undefined, 'altered, it opens')
  }
  // asymmetric opening and the recovery of a signer cost a hundred times the rest
  const thorough = input.length % 16 === 0
  if (thorough) check(openData(input, { asymmetric: [privateKey] }) === undefined, 'it opens for a key')

  const opened = read(() => decodePayload(input, { recover: false }), MalformedError)
  if (opened === undefined) return false
  checkSmall(opened, input)
  const { payload, padding } = opened
  const signed = (input[0] as number) & 4
  const width = (input[0] as number) & 3
  const used = 1 + width + payload.length + padding.length + (signed ? 65 : 0)
  check(used === input.length || width === 0, 'bytes are neither payload nor padding')
  if (signed) {
    if (!thorough) return true
    const recovered = read(() => decodePayload(input), MalformedError)
    if (recovered === undefined) return true
    check(recovered.signer?.length === 65, 'a signer is 65 bytes')
    checkSame({ ...recovered, signer: undefined }, { ...opened, signer: undefined }, 'the signature changes the rest')
    return true
  }
  const written = encodePayload({ payload, padding })
  checkSame(decodePayload(written), opened, 'written and read it differs')
  if (written[0] === input[0]) checkBytes(written, input, 'written again it differs')
  return true
}
