import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { buildPhones, letCome, type Network, type Phones, requestsOf, type Storm } from './phones.js'
import { type Line, quantile, tail, toldAtOnce } from './report.js'
import { ServerProcess } from './server-process.js'

interface Ready {
  libp2p?: string
  enode?: string
  topics: string[]
  end: number
}

/** What one phone cost. */
interface Cost {
  storm: Storm
  /** CPU of the server's process, ms for each phone. */
  cpu: number
}

const ADDRESSES = 64
const PARALLEL = 16
/** Those that come first find a process that has hardly warmed up. */
const WARMUP = 100
/** How often the client that stays asks, in ms, and how many times before the storm. */
const EVERY = 50
const CALM = 100

/** Phones that were away come back all at once: what each costs the server, beside the same without a mailserver. */
export async function stormBench({ full, networks }: { full: boolean; networks: readonly Network[] }): Promise<Line[]> {
  const count = full ? 10_000 : 400
  const archive = full ? 200_000 : 50_000
  await useQuickKeccak()
  const program = buildPhones()
  const folder = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const { lines, add } = toldAtOnce()

  const came = async (server: ServerProcess, network: Network, target: string, requests: string[]): Promise<Cost> => {
    const before = await server.answer<number>('cpu')
    const storm = await letCome(program, { network, target, requests, parallel: PARALLEL, addresses: ADDRESSES }).done
    if (storm.failures.length > 0) throw new Error(`${storm.failures.length} phones failed: ${storm.failures[0]}`)
    return { storm, cpu: ((await server.answer<number>('cpu')) - before) / requests.length }
  }
  const told = (name: string, { storm, cpu }: Cost): void => {
    const rate = (storm.dials.length / storm.ms) * 1000
    const answers = storm.answers.length === 0 ? '' : `, answer ${tail(storm.answers)}`
    const again = storm.refused === 0 ? '' : `, ${storm.refused} times refused at first`
    add(name, `${rate.toFixed(0)} phones/s, ${cpu.toFixed(2)} ms CPU each, dial ${tail(storm.dials)}${answers}${again}`)
  }

  const modes = [
    ['libp2p', 'bare', 'bare js-libp2p'],
    ['devp2p', 'raw', 'bare RLPx']
  ] as const
  const server = new ServerProcess('./storm-server.js', ['node', join(folder, 'data'), String(archive)])
  try {
    const ready = await server.answer<Ready>('ready')
    for (const [network, mode, name] of modes) {
      if (!networks.includes(network)) continue
      const target = (network === 'libp2p' ? ready.libp2p : ready.enode) as string
      const other = new ServerProcess('./storm-server.js', [mode])
      try {
        const at = await other.answer<Ready>('ready')
        const nothing = (count: number): string[] => new Array(count).fill('')
        const otherTarget = (network === 'libp2p' ? at.libp2p : at.enode) as string
        await came(other, network, otherTarget, nothing(WARMUP))
        const reference = await came(other, network, otherTarget, nothing(count))
        told(`${name}, connections`, reference)
        await came(server, network, target, await requestsOf(network, WARMUP, ready))
        told('mailserver, connections', await came(server, network, target, nothing(count)))
        const cost = await came(server, network, target, await requestsOf(network, count, ready))
        told('mailserver, ten topics of the last day', cost)
        add('  of the bare one', `${((cost.cpu / reference.cpu) * 100).toFixed(0)} % of the CPU, answer included`)

        const stays = async (count: number): Promise<Phones> =>
          letCome(program, { network, target, requests: await requestsOf(network, count, ready), every: EVERY })
        const idle = await (await stays(CALM)).done
        const one = await stays(count)
        await came(server, network, target, await requestsOf(network, count, ready))
        one.end()
        const during = await one.done
        const ratio = quantile(during.answers, 0.95) / quantile(idle.answers, 0.95)
        add('answer to a client that stays', tail(idle.answers))
        add('  during a storm', `${tail(during.answers)}: p95 ${ratio.toFixed(1)} times`)
      } finally {
        other.kill()
      }
    }
    await server.answer('stop')
    return lines
  } finally {
    server.kill()
    await rm(folder, { recursive: true, force: true })
  }
}
