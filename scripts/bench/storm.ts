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
/** While it stays so many times more come: it asks a hundred times, or one answer in twenty would be that of two. */
const LONGER = 3

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

  /** The same without a mailserver: as the library of that network has it, and as this node has it. */
  const references = {
    libp2p: [['bare', 'bare js-libp2p']],
    devp2p: [
      ['ethereumjs', 'bare @ethereumjs/devp2p'],
      ['raw', 'RLPx of this node, nothing behind it']
    ]
  } as const
  const server = new ServerProcess('./storm-server.js', ['node', join(folder, 'data'), String(archive)])
  try {
    const ready = await server.answer<Ready>('ready')
    for (const network of networks) {
      const target = targetOf(network, ready)
      const bare: [name: string, cpu: number][] = []
      for (const [mode, name] of references[network]) {
        const other = new ServerProcess('./storm-server.js', [mode])
        try {
          const otherTarget = targetOf(network, await other.answer<Ready>('ready'))
          await came(other, network, otherTarget, nothing(WARMUP))
          const cost = await came(other, network, otherTarget, nothing(count))
          told(`${name}, connections`, cost)
          bare.push([name, cost.cpu])
        } finally {
          other.kill()
        }
      }
      await came(server, network, target, await requestsOf(network, WARMUP, ready))
      told('mailserver, connections', await came(server, network, target, nothing(count)))
      const cost = await came(server, network, target, await requestsOf(network, count, ready))
      told('mailserver, ten topics of the last day', cost)
      for (const [name, cpu] of bare)
        add(`  of ${name}`, `${((cost.cpu / cpu) * 100).toFixed(0)} % of the CPU, answer included`)

      const stays = async (count: number): Promise<Phones> =>
        letCome(program, { network, target, requests: await requestsOf(network, count, ready), every: EVERY })
      const idle = await (await stays(CALM)).done
      const coming = full ? count : count * LONGER
      const requests = await requestsOf(network, coming, ready)
      const one = await stays(coming)
      await came(server, network, target, requests)
      one.end()
      const during = await one.done
      const ratio = quantile(during.answers, 0.95) / quantile(idle.answers, 0.95)
      add('answer to a client that stays', tail(idle.answers))
      add('  during a storm', `${tail(during.answers)}: p95 ${ratio.toFixed(1)} times`)
    }
    await server.answer('stop')
    return lines
  } finally {
    server.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

function targetOf(network: Network, { libp2p, enode }: Ready): string {
  return (network === 'libp2p' ? libp2p : enode) as string
}

/** Phones that ask for nothing. */
function nothing(count: number): string[] {
  return new Array(count).fill('')
}
