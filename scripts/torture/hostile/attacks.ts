import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { FrameStream } from '../../../src/libp2p/frame-stream.js'
import { MAIL_PROTOCOL } from '../../../src/libp2p/mail-protocol.js'
import { PACKETS_PROTOCOL } from '../../../src/libp2p/packet-protocol.js'
import { encodeMessages } from '../../../src/wire/messages.js'
import { PacketCode } from '../../../src/wire/packet-code.js'
import { encodeFrame } from '../../../src/wire/packet-frame.js'
import { encodeList, encodeUint } from '../../../src/wire/rlp.js'
import { encodeStatusOptions } from '../../../src/wire/status.js'
import { sealRequest } from '../../../test/mailserver/request-maker.js'

/** One thing that somebody without a password does again and again. */
export interface Attack {
  name: string
  /** Identities, over all addresses. */
  peers: number
  /** Envelopes in the node's pool. */
  pool: number
  /** Goes on until the connection ends. */
  run(connection: Connection): Promise<void>
}

async function packets(connection: Connection): Promise<FrameStream> {
  const frames = new FrameStream(await connection.newStream(PACKETS_PROTOCOL))
  await frames.send(PacketCode.Status, encodeStatusOptions({ bloom: new Uint8Array(64) }))
  void drain(frames)
  return frames
}

async function drain(frames: FrameStream): Promise<void> {
  try {
    for await (const _ of frames.packets);
  } catch {
    // the node ended it
  }
}

async function flood(frames: FrameStream, code: number, body: () => Uint8Array): Promise<void> {
  while (!frames.signal.aborted) {
    await frames.send(code, body())
    await sleep(0)
  }
}

/** Ten thousand topics. */
const topics = (salt: number): Uint8Array =>
  encodeStatusOptions({ topics: Array.from({ length: 10_000 }, (_, i) => Uint8Array.of(salt, 2, i >> 8, i & 0xff)) })

const garbage = encodeMessages(Array.from({ length: 16_384 }, (_, i) => encodeList([encodeUint(i)])))
const bloom = (salt: number): Uint8Array => encodeStatusOptions({ bloom: new Uint8Array(64).fill(salt || 1) })

export const ATTACKS: readonly Attack[] = [
  {
    name: 'undecryptable requests',
    peers: 20,
    pool: 0,
    run: async connection => {
      const bodies = Array.from({ length: 50 }, () => sealRequest({}, { key: new Uint8Array(32).fill(3) }).raw)
      const frames = new FrameStream(await connection.newStream(MAIL_PROTOCOL))
      void drain(frames)
      let next = 0
      await flood(frames, PacketCode.Request, () => bodies[next++ % bodies.length] as Uint8Array)
    }
  },
  {
    name: 'ten thousand topics',
    peers: 64,
    pool: 0,
    run: async connection => {
      const body = topics(1)
      await flood(await packets(connection), PacketCode.StatusUpdate, () => body)
    }
  },
  {
    name: 'garbage',
    peers: 96,
    pool: 0,
    run: async connection => flood(await packets(connection), PacketCode.Messages, () => garbage)
  },
  {
    name: 'frames without an end',
    peers: 96,
    pool: 0,
    run: async connection => {
      for (let streams = 0; streams < 2; streams++) {
        const stream = await connection.newStream(PACKETS_PROTOCOL)
        stream.send(encodeFrame(PacketCode.Status, encodeStatusOptions({})))
        stream.send(encodeFrame(PacketCode.Messages, new Uint8Array(1_000_000)).subarray(0, 900_000))
      }
      await sleep(60_000)
    }
  },
  {
    name: 'streams opened and reset',
    peers: 20,
    pool: 20_000,
    run: async connection => {
      while (connection.status === 'open') {
        const stream = await connection.newStream(PACKETS_PROTOCOL)
        stream.send(encodeFrame(PacketCode.Status, encodeStatusOptions({ bloom: new Uint8Array(64) })))
        await sleep(5)
        stream.abort(new Error('again'))
      }
    }
  },
  {
    name: 'other blooms',
    peers: 100,
    pool: 20_000,
    run: async connection => {
      let salt = 0
      const frames = await packets(connection)
      while (!frames.signal.aborted) {
        await frames.send(PacketCode.StatusUpdate, bloom(salt++ & 1))
        await sleep(200)
      }
    }
  }
]
