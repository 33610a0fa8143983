import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify } from '@libp2p/identify'
import type { UpstreamRelayEvent } from '../../../src/bridge/counters.js'
import { parseEnode } from '../../../src/devp2p/enode.js'
import { createAuth } from '../../../src/devp2p/handshake.js'
import { NodeKey } from '../../../src/devp2p/node-key.js'
import { PACKETS_PROTOCOL } from '../../../src/libp2p/packet-protocol.js'
import type { LimitEvent } from '../../../src/limits/counts.js'
import { devp2p, memory } from '../../../src/limits/figures.js'
import { topicFromNumber } from '../../../src/wire/envelope/topic.js'
import { encodeMessages } from '../../../src/wire/packet/messages.js'
import { PacketCode } from '../../../src/wire/packet/packet-code.js'
import { encodeFrame } from '../../../src/wire/packet/packet-frame.js'
import { encodeStatusOptions } from '../../../src/wire/packet/status.js'
import { waku1Status } from '../../../src/wire/packet/status-codec.js'
import { encodeList, encodeUint } from '../../../src/wire/rlp.js'
import { sealPayload, sealRequest } from '../../../test/mailserver/request-maker.js'
import { connectFrom, drain, type Line, lineFrom, type Network, socketFrom, type Target } from './peer.js'

/** What the node holds before the attack. */
export interface Holdings {
  /** Envelopes in its pool. */
  pool?: number
  /** Envelopes of thirty days in its archive. */
  archive?: number
  /** Keys that are tried for everybody. */
  keys?: number
  /** Envelopes of thirty days in the archive of a mailserver behind it, to which it forwards for anybody. Honest peers ask for those. */
  upstream?: number
  /** How large those are, bytes. */
  payload?: number
  /** Bytes that are forwarded for one peer, instead of what a node is given for an hour, which takes minutes to use up. */
  allowance?: number
}

/** Of the mailserver behind the node. */
export const UPSTREAM_KEY: Uint8Array = new Uint8Array(32).fill(8)

/** One thing that somebody does again and again; without a password unless it says so. */
export interface Attack {
  name: string
  /** Identities, over all addresses. */
  peers: number
  /** In the full torture, where those are fewer than twice as many as an audit needed. */
  twice?: number
  holds?: Holdings
  /** Of these some are met by it; none is met when there is no attack. */
  bounds: readonly (LimitEvent | `relay_${UpstreamRelayEvent}`)[]
  /** Whether CI tries it: at least one for each thing that an audit found. */
  brief?: true
  /**
   * Counts of the node that grow with what it does for the attackers: for each answer that honest peers had meanwhile it does more of it without
   * its bounds. Without them there is no control run.
   */
  work?: readonly string[]
  /** Of `work` in all, however long it lasts and whatever honest peers have; the bounds allow so much, without them it becomes more. */
  most?: number
  /** What it does to a node without its bounds is that honest peers are refused. */
  refuses?: true
  /** A node without bounds is not tried, in CI or never: on a slow machine it does no more than the bounds allow, or it takes too much. */
  uncontrolled?: 'brief' | 'always'
  /** Goes on until the node ends it. */
  run(target: Target, address: string): Promise<void>
}

const MIB = 1024 * 1024
const ALLOWANCE = MIB

const nothing = new Uint8Array(64)

async function packets(network: Network, address: string, target: Target): Promise<Line> {
  const line = await lineFrom(network, address, target)
  await line.send(PacketCode.Status, waku1Status.encodeStatus({ bloom: nothing }))
  void drain(line)
  return line
}

async function flood(line: Line, code: number, body: () => Uint8Array, pause = 0): Promise<void> {
  while (!line.signal.aborted) {
    await line.send(code, body())
    await sleep(pause)
  }
}

async function ask(network: Network, address: string, target: Target, body: () => Uint8Array): Promise<void> {
  const line = await lineFrom(network, address, target, { mail: true })
  if (network === 'devp2p') await line.send(PacketCode.Status, waku1Status.encodeStatus({ bloom: nothing }))
  void drain(line)
  await flood(line, PacketCode.Request, body)
}

/** Asks the mailserver behind the node for all it has, and does not take the answers unless told so. */
async function askBehind(network: Network, address: string, target: Target, taken: boolean): Promise<void> {
  const line = await lineFrom(network, address, target, { mail: true })
  try {
    if (network === 'devp2p') await line.send(PacketCode.Status, waku1Status.encodeStatus({ bloom: nothing }))
    const request = (): Uint8Array => sealRequest({}, { ttl: 1, key: UPSTREAM_KEY }).raw
    for (let i = 0; i < (taken ? AS_ONE : 2 * AS_ONE); i++) await line.send(PacketCode.Request, request())
    if (!taken) return void (await sleep(UNTAKEN))
    let answered = 0
    for await (const { code } of line.packets) if (code === PacketCode.RequestComplete && ++answered === AS_ONE) return
  } finally {
    await line.end()
  }
}

/** One after the other, again and again: they are refused in any case. */
function inTurn(bodies: readonly Uint8Array[]): () => Uint8Array {
  let next = 0
  return () => bodies[next++ % bodies.length] as Uint8Array
}

/** Requests of one identity. */
const AS_ONE = 4
/** How long an answer is left, ms. */
const UNTAKEN = 10_000

const STRANGE = { key: new Uint8Array(32).fill(3) }
const small = () => Array.from({ length: 50 }, () => sealRequest({}, STRANGE).raw)
const large = () => Array.from({ length: 20 }, (_, i) => sealPayload(new Uint8Array(15_500).fill(i), STRANGE).raw)
const topics = encodeStatusOptions({
  topics: Array.from({ length: 10_000 }, (_, i) => Uint8Array.of(1, 2, i >> 8, i & 0xff))
})
const garbage = encodeMessages(Array.from({ length: 16_384 }, (_, i) => encodeList([encodeUint(i)])))
const bloom = (bits: number): Uint8Array => encodeStatusOptions({ bloom: new Uint8Array(64).fill(bits) })
const thousand = Array.from({ length: 1000 }, (_, i) => topicFromNumber(i))

const onBoth: readonly Attack[] = (['libp2p', 'devp2p'] as const).flatMap(network => {
  const name = (what: string): string => `${what}, ${network}`
  return [
    {
      name: name('undecryptable requests'),
      brief: true,
      peers: 20,
      bounds: ['slowed_request', 'slowed_packet'],
      work: ['refused_undecryptable'],
      uncontrolled: 'brief',
      run: (target, address) => ask(network, address, target, inTurn(small()))
    },
    {
      name: name('large requests beside sixteen keys'),
      peers: 20,
      holds: { keys: 16 },
      bounds: ['slowed_request', 'slowed_packet'],
      work: ['refused_undecryptable'],
      run: (target, address) => ask(network, address, target, inTurn(large()))
    },
    {
      name: name('ten thousand topics'),
      brief: true,
      peers: 64,
      twice: 240,
      bounds: ['slowed_packet'],
      work: ['status_updates'],
      uncontrolled: 'brief',
      run: async (target, address) =>
        flood(await packets(network, address, target), PacketCode.StatusUpdate, () => topics)
    },
    {
      name: name('garbage'),
      brief: true,
      peers: 96,
      bounds: ['slowed_packet'],
      work: ['refused_malformed'],
      uncontrolled: 'brief',
      run: async (target, address) => flood(await packets(network, address, target), PacketCode.Messages, () => garbage)
    },
    {
      name: name('other blooms'),
      brief: true,
      peers: 100,
      twice: 400,
      holds: { pool: 20_000 },
      bounds: ['slowed_packet', 'slowed_pool', 'waited_pool'],
      work: ['envelopes_forwarded'],
      uncontrolled: 'brief',
      run: async (target, address) => {
        let turn = 0
        const line = await packets(network, address, target)
        await flood(line, PacketCode.StatusUpdate, () => bloom(turn++ % 2 === 0 ? 0xff : 0), 200)
      }
    },
    {
      name: name('a thousand topics over thirty days, with the password'),
      peers: 20,
      holds: { archive: 100_000 },
      bounds: ['waited_request', 'refused_request', 'refused_served'],
      // sealed anew each time, as cheaply as may be: one that was served is not served again
      run: (target, address) => ask(network, address, target, () => sealRequest({ topics: thousand }, { ttl: 1 }).raw)
    },
    {
      name: name('everything of thirty days, with the password'),
      peers: 20,
      holds: { archive: 100_000 },
      bounds: ['waited_request', 'refused_request', 'refused_served'],
      run: (target, address) => ask(network, address, target, () => sealRequest({}, { ttl: 1 }).raw)
    },
    {
      name: name('everything of a mailserver behind it, by new identities'),
      brief: true,
      peers: 20,
      holds: { upstream: 50_000, allowance: ALLOWANCE },
      bounds: ['relay_budgets_exhausted'],
      work: ['relay_bytes'],
      // what an address may have is that of four peers; one answer of each may be under way when that is used up; and what honest peers ask for
      most: 10 * 4 * ALLOWANCE + 20 * MIB,
      run: (target, address) => askBehind(network, address, target, true)
    },
    {
      name: name('answers of a mailserver behind it that nobody takes'),
      // more than have a place at a time, each with more than what lies between its socket and the node's
      peers: 80,
      holds: { upstream: 5000, payload: 4000 },
      bounds: ['relay_requests_busy', 'relay_requesters_slow'],
      refuses: true,
      run: (target, address) => askBehind(network, address, target, false)
    }
  ] satisfies Attack[]
})

/** The same bytes again and again from wherever it is called. */
let auth: Uint8Array | undefined

export const ATTACKS: readonly Attack[] = [
  ...onBoth,
  {
    name: 'frames without an end, libp2p',
    brief: true,
    peers: 96,
    twice: 112,
    bounds: ['evicted_stream'],
    work: ['unread'],
    // and one chunk of each, which came before its stream was ended
    most: memory.shared + MIB,
    run: async (target, address) => {
      const connection = await connectFrom(address, target)
      for (let streams = 0; streams < 2; streams++) {
        const stream = await connection.newStream(PACKETS_PROTOCOL)
        stream.send(encodeFrame(PacketCode.Status, encodeStatusOptions({})))
        stream.send(encodeFrame(PacketCode.Messages, new Uint8Array(1_000_000)).subarray(0, 900_000))
      }
      await sleep(60_000)
    }
  },
  {
    name: 'messages of 16 MiB that are garbage, devp2p',
    peers: 96,
    bounds: ['waited_memory', 'slowed_packet'],
    work: ['unread'],
    // one may go on when all wait for each other
    most: memory.shared + devp2p.maxBody,
    // it would be a gigabyte
    uncontrolled: 'always',
    run: async (target, address) => {
      const line = await packets('devp2p', address, target)
      const body = new Uint8Array(15 * 1024 * 1024)
      await flood(line, PacketCode.Messages, () => body)
    }
  },
  {
    name: 'streams opened and reset, libp2p',
    peers: 20,
    holds: { pool: 20_000 },
    bounds: ['slowed_pool', 'refused_stream', 'waited_pool'],
    run: async (target, address) => {
      const connection = await connectFrom(address, target)
      while (connection.status === 'open') {
        const stream = await connection.newStream(PACKETS_PROTOCOL)
        stream.send(encodeFrame(PacketCode.Status, encodeStatusOptions({ bloom: nothing })))
        await sleep(5)
        stream.abort(new Error('again'))
      }
    }
  },
  {
    name: 'other names of protocols, libp2p',
    brief: true,
    peers: 32,
    bounds: ['slowed_stream'],
    work: ['strange_streams'],
    uncontrolled: 'brief',
    run: async (target, address) => {
      const connection = await connectFrom(address, target, { identify: identify() })
      const protocols = Array.from({ length: 200 }, () => `/${Math.random()}/1.0.0`)
      for (const protocol of protocols) connection.newStream(protocol).catch(() => {})
      await sleep(200)
      await connection.close()
    }
  },
  {
    name: 'a handshake replayed, devp2p',
    brief: true,
    peers: 40,
    bounds: ['refused_socket'],
    work: ['handshakes'],
    // it is opened once
    most: 1,
    run: async (target, address) => {
      auth ??= createAuth(new NodeKey(), parseEnode(target.enode).id).packet
      const socket = await socketFrom(address, target)
      socket.write(auth)
      await once(socket, 'close')
    }
  }
]
