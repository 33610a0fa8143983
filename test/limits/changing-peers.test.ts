import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { InboundGate } from '../../src/devp2p/inbound-gate.js'
import * as FIGURES from '../../src/limits/figures.js'
import type { Origin } from '../../src/limits/origin.js'
import { Throttle } from '../../src/limits/throttle.js'
import { slowForNoisy } from '../../src/node/peer/noisy-gate.js'

const MIB = 1024 * 1024
/** One packet of garbage, in bytes. */
const PACKET = 64 * 1024
const MINUTE = 60_000
const ADDRESSES = 10

type Network = 'libp2p' | 'devp2p'

/** What a peer changes from one packet to the next. */
interface Changes {
  /** New each time, or one of so many in turn. */
  identity?: boolean | number
  /** It brings something good before each packet of garbage. */
  proving?: boolean
  address?: boolean
  network?: boolean
}

/**
 * How much garbage is judged within a minute of a peer that sends as fast as it is read, and comes again under another name,
 * address or network as often as it is let in: the gates and the debts of both networks, by one clock.
 */
function judgedInAMinute(changes: Changes): number {
  const { identity = false, proving = false, address = false, network = false } = changes
  const clock = { ms: 1_000_000 }
  const now = (): number => clock.ms
  const throttle = new Throttle(now)
  const noisy = (where: string): boolean => throttle.noisy(where)
  const gater = slowForNoisy({}, noisy, { now })
  const gate = new InboundGate({ maxHandshakes: 128, maxPerAddress: 32, maxRatePerAddress: 32 }, noisy, now)
  const enters: Record<Network, (where: string) => boolean> = {
    devp2p: where => {
      const pass = gate.enter(where, () => {})
      pass?.agreed()
      pass?.closed()
      return pass !== undefined
    },
    libp2p: where => {
      const connection = { remoteAddr: multiaddr(`/ip4/${where}/tcp/1`) } as MultiaddrConnection
      return gater.denyInboundConnection?.(connection) !== true
    }
  }
  const end = clock.ms + MINUTE
  let judged = 0
  for (let i = 0; clock.ms < end; i++) {
    const origin: Origin = {
      peer: `peer ${identity === true ? i : i % Number(identity || 1)}`,
      address: address ? `10.0.0.${i % ADDRESSES}` : '10.0.0.1'
    }
    const over: Network = network && i % 2 === 1 ? 'devp2p' : 'libp2p'
    if (identity === true || address || network) {
      // nobody who is not let in costs anything: it tries again
      while (!enters[over](origin.address) && clock.ms < end) clock.ms += 10
    }
    if (proving) {
      clock.ms += throttle.reserve(origin)
      throttle.prove(origin)
    }
    clock.ms += throttle.reserve(origin)
    if (clock.ms >= end) break
    throttle.charge(origin, PACKET)
    judged += PACKET
  }
  return judged
}

const steady = judgedInAMinute({})

test('a peer that stays what it is has garbage judged at its rate', () => {
  const { rate, free } = FIGURES.throttle.peer
  assert.ok(steady <= rate * MINUTE + free + PACKET, `${steady / MIB} MiB`)
})

for (const [name, changes] of Object.entries<Changes>({
  'its identity': { identity: true },
  'between a hundred identities': { identity: 100 },
  'its identity, and brings something first': { identity: true, proving: true },
  'between a hundred identities, and brings something first': { identity: 100, proving: true },
  'its network': { network: true },
  'its identity and network': { identity: true, network: true },
  'its address': { address: true },
  'its address and network': { address: true, network: true },
  'all in turn': { identity: true, address: true, network: true }
}))
  test(`a peer that changes ${name} has no more garbage judged than one that does not`, () => {
    const judged = judgedInAMinute(changes)
    // ten addresses together have twice the rate of one, whoever is there
    const most = changes.address === true ? 2 * steady : steady
    assert.ok(judged <= most + ADDRESSES * MIB, `${judged / MIB} MiB beside ${steady / MIB} MiB`)
  })
