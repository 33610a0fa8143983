import { splitMessage } from '../../../src/devp2p/capability.js'
import { FrameError } from '../../../src/devp2p/errors.js'
import { FrameOpener, FrameSealer, type FrameSecrets } from '../../../src/devp2p/frame-cipher.js'
import { fastKeccak } from '../../../src/devp2p/running-keccak.js'
import { joinBytes } from '../../../src/wire/bytes.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { encodeUint } from '../../../src/wire/rlp.js'
import { attempt, check, checkBytes, checkSmall, type FuzzTarget, read } from '../oracle.js'

const keccak = await fastKeccak()
const secrets = (): FrameSecrets => ({
  aes: new Uint8Array(32).fill(1),
  mac: new Uint8Array(32).fill(2),
  egress: keccak(),
  ingress: keccak()
})

/** The frames in what a peer sends, and whether it was refused at last. */
function open(bytes: Uint8Array, piece: number): { bodies: Uint8Array[]; refused: boolean } {
  const opener = new FrameOpener(secrets())
  const bodies: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += piece) {
    opener.push(bytes.subarray(at, at + piece))
    for (;;) {
      const next = attempt(() => opener.next(), FrameError)
      if ('error' in next) return { bodies, refused: true }
      if (next.value === undefined) break
      bodies.push(next.value)
    }
  }
  return { bodies, refused: false }
}

/** The first two bytes say how the rest arrives and what is altered on the way; the rest is a message, sealed twice. */
export const fuzz: FuzzTarget = input => {
  check(open(input, input.length).bodies.length === 0, 'a frame that nobody sealed')
  const [cut = 0, fault = 0] = input
  const message = input.subarray(2)
  if (message.length === 0) return false
  const sealed = joinBytes(new FrameSealer(secrets()).seal([[message], [message]]))
  const { bodies, refused } = open(sealed, 1 + cut)
  check(bodies.length === 2 && !refused, 'sealed frames do not open')
  for (const body of bodies) checkBytes(body, message, 'a message differs')
  const at = (fault * 257) % sealed.length
  sealed[at] = (sealed[at] as number) ^ (1 + (cut & 0x7f))
  const altered = open(sealed, 1 + cut)
  check(altered.refused && altered.bodies.length < 2, 'an altered frame opens')
  for (const body of altered.bodies) checkBytes(body, message, 'an altered message is delivered')

  const split = read(() => splitMessage(message), MalformedError)
  if (split === undefined) return false
  checkSmall(split, input)
  checkBytes(joinBytes([encodeUint(split.id), split.payload]), message, 'the id of a message is not canonical')
  return true
}
