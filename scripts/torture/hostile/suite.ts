import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FrameStream } from '../../../src/libp2p/frame-stream.js'
import { MAIL_PROTOCOL } from '../../../src/libp2p/mail-protocol.js'
import { PacketCode } from '../../../src/wire/packet-code.js'
import { decodeRequestComplete } from '../../../src/wire/request-complete.js'
import { sealRequest } from '../../../test/mailserver/request-maker.js'
import type { Options } from '../options.js'
import { table } from '../table.js'
import { ATTACKS, type Attack } from './attacks.js'
import { connectFrom } from './peer.js'

/** Requests of the honest peer, one each `EVERY` ms. */
const REQUESTS = 60
const EVERY = 50
const MIB = 1024 * 1024

interface State {
  stall: number
  rss: number
}

interface Seen extends State {
  /** Of the answers, ms. */
  p95: number
  refused: number
}

function start(module: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(module, import.meta.url)), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

async function message<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the process ended')))
  const [answer] = await Promise.race([once(child, 'message'), ended])
  return answer as T
}

async function state(server: ChildProcess): Promise<State> {
  server.send('state')
  return await message<State>(server)
}

/** An honest peer asks for history, again and again. */
async function ask(frames: FrameStream, server: ChildProcess): Promise<Seen> {
  await state(server)
  const times: number[] = []
  let refused = 0
  const answers = frames.packets[Symbol.asyncIterator]()
  for (let i = 0; i < REQUESTS; i++) {
    const request = sealRequest()
    const began = performance.now()
    await frames.send(PacketCode.Request, request.raw)
    for (;;) {
      const { value, done } = await answers.next()
      if (done === true) throw new Error('the honest stream ended')
      if (value.code !== PacketCode.RequestComplete) continue
      if (decodeRequestComplete(value.body).error !== undefined) refused++
      break
    }
    times.push(performance.now() - began)
    await sleep(EVERY)
  }
  times.sort((a, b) => a - b)
  return { ...(await state(server)), p95: times[Math.floor(times.length * 0.95)] as number, refused }
}

async function attacked(
  attack: Attack,
  addresses: number,
  defence: 'on' | 'off'
): Promise<{ idle: Seen; seen: Seen; after: State }> {
  const server = start('./server.js', [String(attack.pool), defence])
  let attacker: ChildProcess | undefined
  try {
    const { address } = await message<{ address: string }>(server)
    const connection = await connectFrom('127.0.0.9', address)
    const frames = new FrameStream(await connection.newStream(MAIL_PROTOCOL))
    await ask(frames, server)
    const idle = await ask(frames, server)
    attacker = start('./attacker.js', [attack.name, address, String(addresses)])
    await message(attacker)
    const seen = await ask(frames, server)
    attacker.kill('SIGKILL')
    await sleep(3000)
    await state(server)
    await sleep(500)
    return { idle, seen, after: await state(server) }
  } finally {
    attacker?.kill('SIGKILL')
    server.kill('SIGKILL')
  }
}

/**
 * What somebody without a password may do, tried on a node in a process of its own, beside an honest peer from another address.
 * Prints times; fails when the honest peer was refused anything. Resolves with the exit code.
 */
export async function hostileSuite(options: Options): Promise<number> {
  const rows: string[][] = []
  let failures = 0
  const wanted = ATTACKS.filter(({ name }) => name.includes(options.fault))
  for (const attack of wanted) {
    for (const [addresses, defence] of [
      [1, 'on'],
      [10, 'on'],
      [10, 'off']
    ] as const) {
      const name = `${attack.name}, ${addresses === 1 ? 'one address' : 'ten addresses'}${defence === 'off' ? ', undefended' : ''}`
      try {
        const { idle, seen, after } = await attacked(attack, addresses, defence)
        if (defence === 'on') failures += seen.refused
        const figures = [
          idle.p95,
          seen.p95,
          idle.stall,
          seen.stall,
          (seen.rss - idle.rss) / MIB,
          (after.rss - idle.rss) / MIB
        ]
        rows.push([name, ...figures.map(figure => figure.toFixed(0)), String(seen.refused)])
      } catch (error) {
        if (defence === 'on') failures++
        rows.push([name, (error as Error).message])
      }
      process.stderr.write(`${rows.at(-1)?.join('  ')}\n`)
    }
  }
  const head = ['attack', 'idle p95 ms', 'p95 ms', 'idle stall ms', 'stall ms', 'MiB over idle', 'MiB after', 'refused']
  process.stdout.write(table(head, rows))
  return failures === 0 ? 0 : 1
}
