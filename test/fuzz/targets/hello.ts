import { shareCapabilities } from '../../../src/devp2p/capability.js'
import { decodeDisconnect, encodeDisconnect } from '../../../src/devp2p/disconnect.js'
import { decodeHello, encodeHello } from '../../../src/devp2p/hello.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { check, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

const OURS = [
  { name: 'waku', version: 1, length: 128 },
  { name: 'waku', version: 0, length: 128 },
  { name: 'shh', version: 6, length: 128 }
]
const ascii = /^[\x20-\x7e]*$/

/** Hello and Disconnect, the messages of the p2p capability with a content. */
export const fuzz: FuzzTarget = input => {
  const reason = decodeDisconnect(input)
  if (reason !== undefined) {
    check(reason >= 0 && reason <= 255, 'a reason out of its range')
    check(decodeDisconnect(encodeDisconnect(reason)) === reason, 'a reason differs')
  }
  const hello = read(() => decodeHello(input), MalformedError)
  if (hello === undefined) return reason !== undefined
  checkSmall(hello, input)
  check(hello.id.length === 64, 'a node id is 64 bytes')
  const shared = shareCapabilities(OURS, hello.capabilities)
  check(shared.length <= 2, 'more is shared than was offered')
  // names are compared byte by byte, and written as text
  const { capabilities, ...rest } = hello
  const { capabilities: second, ...expected } = decodeHello(encodeHello(hello))
  checkSame(expected, rest, 'written and read a Hello differs')
  if (capabilities.every(({ name }) => ascii.test(name))) checkSame(second, capabilities, 'the capabilities differ')
  return true
}
