import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { waku } from '../../src/index.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { createPeerNode, startPeerNode } from '../../src/node/peer/peer-node.js'
import { toHex } from '../../src/wire/bytes.js'
import { fullBloom } from '../../src/wire/envelope/bloom.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { encodeFrame } from '../../src/wire/packet/packet-frame.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import { buildPhones, letCome, letStay } from './phones.js'
import { type Line, quantile, toldAtOnce } from './report.js'
import { ServerProcess } from './server-process.js'

const PARALLEL = 16
const ADDRESSES = 64
/** Those that come and leave before: what a process takes once is not what each takes. */
const WARMUP = 300
const ENVELOPES = 5
/** More do not connect to the bare node within minutes: it opens a stream to each of them every ten seconds. */
const BARE_MOST = 2000
/** Between two envelopes, ms. */
const EVERY = 3000

/** How long it is looked at what they cost while nothing happens, ms: twice what lies between libp2p's own pings. */
const SILENCE = 20_000

export const IDLE_PARTS = ['bare', 'silent', 'listening'] as const
export type IdlePart = (typeof IDLE_PARTS)[number]

interface Held {
  phones: number
  /** Anonymous memory for each, bytes. */
  each: number
  /** The part of a core that they take while nothing happens. */
  busy: number
  heard: number[]
}

/**
 * Phones that are connected and silent: what each takes of memory, beside a bare js-libp2p node, and how soon all of them hear.
 *
 * @param parts what is measured: each takes minutes when they are many
 */
export async function idleBench(count: number, parts: readonly IdlePart[]): Promise<Line[]> {
  await useQuickKeccak()
  const program = buildPhones()
  const folder = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const { lines, add } = toldAtOnce()
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`

  /** Has phones come to a server, and does something while they stay. */
  const held = async (
    args: string[],
    stay: number,
    frame: string,
    meanwhile: (target: string) => Promise<void> = async () => {}
  ): Promise<Held> => {
    const server = new ServerProcess('./storm-server.js', args, { execArgv: ['--expose-gc'] })
    try {
      const { libp2p: target } = await server.answer<{ libp2p: string }>('ready')
      const common = { target, parallel: PARALLEL, addresses: ADDRESSES }
      await letCome(program, { ...common, network: 'libp2p', requests: new Array(WARMUP).fill('') }).done
      const before = await server.answer<number>('memory')
      const phones = letStay(program, { ...common, stay, frame })
      await phones.there
      const after = await server.answer<number>('memory')
      const cpu = await server.answer<number>('cpu')
      await new Promise(resolve => setTimeout(resolve, SILENCE))
      const busy = ((await server.answer<number>('cpu')) - cpu) / SILENCE
      await meanwhile(target)
      const { dials, failures, heard } = await phones.end()
      if (failures.length > 0) throw new Error(`${failures.length} phones failed: ${failures[0]}`)
      return { phones: dials.length, each: (after - before) / dials.length, busy, heard }
    } finally {
      server.kill()
    }
  }

  try {
    let bare: Held | undefined
    const told = (name: string, { phones, each, busy }: Held): void => {
      const beyond = bare === undefined ? '' : `: ${kib(each - bare.each)} beyond a bare connection`
      add(name, `${phones} phones, ${kib(each)} each${beyond}, ${(busy * 100).toFixed(1)} % of a core`)
    }
    if (parts.includes('bare')) {
      const found = await held(['bare'], Math.min(count, BARE_MOST), '')
      told('bare js-libp2p', found)
      bare = found
    }
    if (parts.includes('silent')) told('mailserver', await held(['node', join(folder, 'silent'), '0'], count, ''))
    if (parts.includes('listening')) {
      const posted: number[] = []
      const status = waku1Status.encodeStatus({ bloom: fullBloom(), light: true })
      const frame = toHex(encodeFrame(PacketCode.Status, status))
      const listening = await held(['node', join(folder, 'listening'), '0'], count, frame, async target => {
        posted.push(...(await post(target)))
      })
      told('mailserver, each with a packets stream', listening)
      const late = listening.heard.map(at => at - Math.max(...posted.filter(time => time <= at)))
      add(
        `${ENVELOPES} live envelopes to all of them`,
        `${listening.heard.length} of ${ENVELOPES * listening.phones} heard, p50 ${quantile(late, 0.5).toFixed(0)} p99 ${quantile(late, 0.99).toFixed(0)} last ${Math.max(...late).toFixed(0)} ms after they were posted`
      )
    }
    return lines
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Posts envelopes one by one; when each was, ms of the Unix clock. */
async function post(target: string): Promise<number[]> {
  const client = await createPeerNode({ privateKey: await generateKeyPair('secp256k1'), services: { waku: waku() } })
  await startPeerNode(client as never)
  try {
    const to = multiaddr(target)
    const times: number[] = []
    for (let i = 0; i < ENVELOPES; i++) {
      times.push(performance.timeOrigin + performance.now())
      const topic = Uint8Array.of(0, 0, 0, i)
      await client.services.waku.post({ topic, payload: new Uint8Array(400), to })
      await new Promise(resolve => setTimeout(resolve, EVERY))
    }
    return times
  } finally {
    await client.stop()
  }
}
