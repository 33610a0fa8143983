import { parseByteSize } from '../../../src/node/settings/byte-size.js'
import { parseDevp2pListen } from '../../../src/node/settings/devp2p-listen.js'
import { parseDuration } from '../../../src/node/settings/duration.js'
import { parseRequester } from '../../../src/node/settings/forward-for.js'
import { parseMoment } from '../../../src/node/settings/moment.js'
import {
  formatPeerAddress,
  parseListenAddress,
  parsePeerAddress,
  parsePeerName
} from '../../../src/node/settings/peer-address.js'
import { parseTopicChoice } from '../../../src/node/settings/topic-choice.js'
import { ValueError } from '../../../src/node/settings/value-error.js'
import { check, checkSame, checkSmall, type FuzzTarget, read, textOf } from '../oracle.js'

const isUint32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff

/** Everything that a person writes as one value of a setting or a flag. */
export const fuzz: FuzzTarget = input => {
  const text = textOf(input)
  const duration = read(() => parseDuration(text), ValueError)
  check(duration === undefined || isUint32(duration), 'a duration out of its range')
  const moment = read(() => parseMoment(text, 1_700_000_000), ValueError)
  check(moment === undefined || isUint32(moment), 'a moment out of its range')
  const size = read(() => parseByteSize(text), ValueError)
  check(size === undefined || (Number.isSafeInteger(size) && size >= 0), 'a size out of its range')

  const topic = read(() => parseTopicChoice(text), ValueError)
  check(topic === undefined || topic.topic.length === 4, 'a topic is 4 bytes')
  const listen = read(() => parseDevp2pListen(text), ValueError)
  check(listen === undefined || (listen.port >= 0 && listen.port <= 65_535), 'a port out of its range')
  const address = read(() => parsePeerAddress(text), ValueError)
  if (address !== undefined) {
    checkSmall(address.peer.toString(), input)
    const second = parsePeerAddress(formatPeerAddress(address))
    check(second.peer.equals(address.peer), 'written and read it is another peer')
    checkSame(formatPeerAddress(second), formatPeerAddress(address), 'written and read an address differs')
    check(parsePeerName(text).equals(address.peer), 'two readers see two peers')
  }
  const listening = read(() => parseListenAddress(text), ValueError)
  if (listening !== undefined) check(parseListenAddress(listening.toString()).equals(listening), 'an address differs')
  const peer = read(() => parsePeerName(text), ValueError)
  const requester = read(() => parseRequester(text), ValueError)
  check(requester === 'any' || requester?.toString() === peer?.toString(), 'two readers see two requesters')
  return [duration, moment, size, listen, address, listening, peer].some(value => value !== undefined)
}
