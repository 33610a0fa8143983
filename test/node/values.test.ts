import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { NodeKey } from '../../src/devp2p/node-key.js'
import { formatByteSize, parseByteSize } from '../../src/node/settings/byte-size.js'
import { defaultDevp2pListen, parseDevp2pListen } from '../../src/node/settings/devp2p-listen.js'
import { formatDuration, parseDuration } from '../../src/node/settings/duration.js'
import { isNamed, parseRequester } from '../../src/node/settings/forward-for.js'
import { parseMoment, readMoment } from '../../src/node/settings/moment.js'
import {
  formatPeerAddress,
  parseListenAddress,
  parsePeerAddress,
  parsePeerName
} from '../../src/node/settings/peer-address.js'
import { parseTopicChoice } from '../../src/node/settings/topic-choice.js'
import { toHex } from '../../src/wire/bytes.js'

const NOW = 1_800_000_000
const PEER = '16Uiu2HAmTvN6CWRRTqKrVGDbvVh1wpUWiwdSxDGzVYCGPNFsB6Ro'

function refuses(run: () => unknown, name = 'ValueError'): void {
  assert.throws(run, { name })
}

test('a duration is read with units, summed', () => {
  assert.equal(parseDuration('30d'), 2_592_000)
  assert.equal(parseDuration('24h'), 86_400)
  assert.equal(parseDuration('1h30m'), 5400)
  assert.equal(parseDuration('2w'), 1_209_600)
  assert.equal(formatDuration(5400), '90m')
  assert.equal(formatDuration(86_400), '1d')
  assert.equal(parseDuration('0s'), 0)
})

test('a duration that is not one, has no unit, repeats one, or is beyond 32 bits, is refused', () => {
  for (const text of ['', 'd', '30', '0', '1h1h', '30m1h', '-1h', '1.5h', '1 h', '3y', '4294967296s', '99999999w'])
    refuses(() => parseDuration(text))
  refuses(() => parseDuration('25d', { min: 1, max: 86_400 }))
})

test('a moment is now, a duration back, Unix seconds or ISO 8601', () => {
  assert.equal(parseMoment('now', NOW), NOW)
  assert.equal(parseMoment('24h', NOW), NOW - 86_400)
  assert.equal(parseMoment('0', NOW), 0)
  assert.equal(parseMoment('1700000000', NOW), 1_700_000_000)
  assert.equal(parseMoment('2026-01-31T12:00:00Z', NOW), Date.UTC(2026, 0, 31, 12) / 1000)
  assert.equal(parseMoment('2026-01-31T12:00:00', NOW), Date.UTC(2026, 0, 31, 12) / 1000, 'no zone is UTC')
  assert.equal(parseMoment('2026-01-31T12:00:00+02:00', NOW), Date.UTC(2026, 0, 31, 10) / 1000)
  assert.equal(parseMoment('2026-01-31', NOW), Date.UTC(2026, 0, 31) / 1000)
  assert.equal(parseMoment('7000w', NOW), 0, 'not before the beginning')
})

test('a moment that is not one is refused', () => {
  for (const text of ['', 'yesterday', '4294967296', '1969-01-01', '2026-13-01', '-5m', '2200-01-01']) {
    refuses(() => parseMoment(text, NOW))
  }
})

test('a day or an hour that does not exist is refused, and so is a number that hardly means seconds since 1970', () => {
  for (const text of [
    '2026-02-30',
    '2025-02-29',
    '2026-04-31T00:00:00Z',
    '2026-00-10',
    '2026-01-01T24:00:00Z',
    '2026-01-01T12:60',
    '2026-01-01T12:00:00+24:00',
    '30',
    '24',
    '99999999',
    '1700000000000'
  ]) {
    refuses(() => parseMoment(text, NOW))
  }
  assert.equal(parseMoment('2028-02-29', NOW), Date.UTC(2028, 1, 29) / 1000)
  assert.equal(parseMoment('2026-01-31T12:00:00-0130', NOW), Date.UTC(2026, 0, 31, 13, 30) / 1000)
})

test('a moment says whether it counts from now', () => {
  assert.equal(readMoment('24h', NOW).relative, true)
  assert.equal(readMoment('now', NOW).relative, true)
  assert.equal(readMoment('1700000000', NOW).relative, false)
  assert.equal(readMoment('2026-01-31', NOW).relative, false)
})

test('a size in bytes is read with binary and decimal units', () => {
  assert.equal(parseByteSize('64MiB'), 67_108_864)
  assert.equal(parseByteSize('512 KiB'), 524_288)
  assert.equal(parseByteSize('2GB'), 2_000_000_000)
  assert.equal(parseByteSize('1048576B'), 1_048_576)
  assert.equal(parseByteSize('1.5KiB'), 1536)
  assert.equal(parseByteSize('3kB'), 3000)
  const unclear = ['100Mb', '100mb', '1gB', '8b', '1.5kib', '1MIB', '1constructor']
  for (const text of ['', 'MiB', '-1', '1048576', '1XB', '1e9B', '0.3B', '99999999999999999999B', ...unclear])
    refuses(() => parseByteSize(text))
  assert.equal(formatByteSize(67_108_864), '64.0 MiB')
  assert.equal(formatByteSize(12), '12 bytes')
})

test('a peer is a multiaddr that ends with a peer id', () => {
  const parsed = parsePeerAddress(`/ip4/127.0.0.1/tcp/30304/p2p/${PEER}`)
  assert.equal(parsed.peer.toString(), PEER)
  assert.equal(parsed.network, 'libp2p')
  assert.equal(formatPeerAddress(parsed), `/ip4/127.0.0.1/tcp/30304/p2p/${PEER}`)
  for (const text of [
    '',
    'localhost:30304',
    '/ip4/127.0.0.1/tcp/30304',
    '/ip4/300.0.0.1/tcp/1',
    `/p2p/${PEER}/tcp/1`
  ]) {
    refuses(() => parsePeerAddress(text))
  }
})

test('an address is refused where it is read when the peer id within it is none, not when it is used', () => {
  for (const id of ['16U[Kz', '16Uiu2HAm', '0x00', 'Qm']) {
    for (const text of [`/ip4/127.0.0.1/tcp/1/p2p/${id}`, `/p2p/${id}/p2p-circuit/p2p/${PEER}`]) {
      refuses(() => parsePeerAddress(text))
      refuses(() => parseListenAddress(text))
    }
  }
})

test('a peer may be named by its id alone where it is not dialled', () => {
  assert.equal(parsePeerName(PEER).toString(), PEER)
  assert.equal(parsePeerName(`/dns4/example.org/tcp/1/p2p/${PEER}`).toString(), PEER)
  refuses(() => parsePeerName('16Uiu2'))
})

test('an enode URL names a peer of devp2p, wherever a peer is named', () => {
  const { id, peerId } = new NodeKey()
  const enode = `enode://${toHex(id)}@127.0.0.1:30303`
  const parsed = parsePeerAddress(enode)
  assert.equal(parsed.network, 'devp2p')
  assert.ok(parsed.peer.equals(peerId))
  assert.equal(formatPeerAddress(parsed), enode)
  assert.ok(parsePeerName(enode).equals(peerId))
  for (const text of [
    `enode://${'00'.repeat(64)}@127.0.0.1:30303`,
    `enode://${toHex(id)}@127.0.0.1`,
    `enode://${toHex(id)}@127.0.0.1:0`,
    `enode://${toHex(id).slice(2)}@127.0.0.1:30303`,
    'enode://'
  ]) {
    refuses(() => parsePeerAddress(text))
    refuses(() => parsePeerName(text))
  }
})

test('where to listen for devp2p is an address and a port', () => {
  assert.deepEqual(parseDevp2pListen('0.0.0.0:30303'), { host: '0.0.0.0', port: 30303 })
  assert.deepEqual(parseDevp2pListen('[::1]:0'), { host: '::1', port: 0 })
  for (const text of [
    '',
    '30303',
    ':30303',
    'localhost:30303',
    '0.0.0.0',
    '0.0.0.0:65536',
    '::1:30303',
    '[1.2.3.4]:1'
  ]) {
    refuses(() => parseDevp2pListen(text))
  }
  const local = [multiaddr('/ip4/127.0.0.1/tcp/0'), multiaddr('/ip6/::1/tcp/0')]
  assert.equal(defaultDevp2pListen(undefined).host, '0.0.0.0')
  assert.equal(defaultDevp2pListen(local).host, '127.0.0.1', 'who stays on this machine stays there on either network')
  assert.equal(defaultDevp2pListen([...local, multiaddr('/ip4/0.0.0.0/tcp/1')]).host, '0.0.0.0')
})

test('requests are forwarded for peers that are named, or any', () => {
  const peer = parsePeerName(PEER)
  const other = new NodeKey().peerId
  assert.ok(isNamed(peer, [parseRequester(PEER)]) && !isNamed(other, [parseRequester(PEER)]) && !isNamed(peer, []))
  assert.ok(isNamed(other, [parseRequester(PEER), parseRequester('any')]))
  refuses(() => parseRequester('all'))
})

test('a topic is a name or its four bytes; digits of another number are refused', () => {
  assert.deepEqual(parseTopicChoice('0x1a2B3c4d'), { topic: Uint8Array.of(0x1a, 0x2b, 0x3c, 0x4d) })
  const named = parseTopicChoice('general')
  assert.equal(named.name, 'general')
  assert.equal(named.topic.length, 4)
  for (const text of ['', '0x', '0x1a2b3c', '0x1a2b3c4d5e']) refuses(() => parseTopicChoice(text))
})
