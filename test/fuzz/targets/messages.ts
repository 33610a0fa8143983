import { joinBytes } from '../../../src/wire/bytes.js'
import { decodeEnvelope, type EnvelopeDigest } from '../../../src/wire/envelope/envelope.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { keccak256 } from '../../../src/wire/keccak.js'
import { batchHash, encodeMessages, splitMessages } from '../../../src/wire/packet/messages.js'
import { digestPacket, PacketDigests } from '../../../src/wire/packet/packet-digests.js'
import { encodeP2PBodies } from '../../../src/wire/request/p2p-body.js'
import { splitP2PMessage } from '../../../src/wire/request/p2p-message.js'
import { attempt, check, checkBytes, checkSmall, type FuzzTarget, read } from '../oracle.js'

/** The bodies of 0x01 and 0x7f, and the digests that another thread makes of the first. */
export const fuzz: FuzzTarget = input => {
  const historic = read(() => splitP2PMessage(input).map(({ raw }) => raw), MalformedError)
  if (historic !== undefined) {
    checkSmall(historic, input)
    const bare = historic.length === 1 && historic[0]?.length === input.length
    const body = joinBytes(encodeP2PBodies(historic, bare ? 'bare' : 'list')[0] ?? [Uint8Array.of(0xc0)])
    checkBytes(body, input, 'a P2P Message differs when it is written again')
  }

  const items = read(() => splitMessages(input), MalformedError)
  const digested = attempt(() => digestPacket(input, { pow: 1 }), MalformedError)
  check((items === undefined) === 'error' in digested, 'a packet is split or hashed, not both')
  if (items === undefined || 'error' in digested) return historic !== undefined
  const raws = items.map(({ raw }) => raw)
  checkBytes(encodeMessages(raws), input, 'written again it differs')
  checkSmall(digested.value, input, { factor: 34 })
  const digests = new PacketDigests(digested.value)
  checkBytes(digests.batch, batchHash(input), 'the hash of the packet')
  for (const [i, raw] of raws.entries()) {
    const { hash, powBits } = digests.of(i) as EnvelopeDigest
    checkBytes(hash, keccak256(raw), 'the hash of an envelope')
    const envelope = read(() => decodeEnvelope(raw), MalformedError)
    if (envelope === undefined) check(powBits === undefined, 'work of what is no envelope')
    else if (powBits !== undefined) check(powBits === envelope.powBits, 'the bits of its work')
  }
  return true
}
