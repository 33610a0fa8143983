import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { buildPhones, letCome, type Network, pagesOf } from './phones.js'
import { type Line, tail } from './report.js'
import { ServerProcess } from './server-process.js'

interface Ready {
  libp2p: string
  enode: string
  end: number
}

const ARCHIVE = 50_000
const FRESH = 5
const WARM = 40
const EVERY = 20

/** The first page of 1000 envelopes that a process answers after its start, and those after it, over both networks. */
export async function freshBench(networks: readonly Network[]): Promise<Line[]> {
  await useQuickKeccak()
  const program = buildPhones()
  const folder = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const path = join(folder, 'data')
  const lines: Line[] = []
  const serve = async <T>(count: number, work: (ready: Ready) => Promise<T>): Promise<T> => {
    const server = new ServerProcess('./storm-server.js', ['node', path, String(count)])
    try {
      const result = await work(await server.answer<Ready>('ready'))
      await server.answer('stop')
      return result
    } finally {
      server.kill()
    }
  }
  try {
    await serve(ARCHIVE, async () => {})
    for (const network of networks) {
      const cold: number[] = []
      const warm: number[] = []
      for (let i = 0; i < FRESH; i++) {
        await serve(0, async ready => {
          const target = network === 'libp2p' ? ready.libp2p : ready.enode
          const requests = await pagesOf(network, WARM + 1, ready)
          const { answers, failures } = await letCome(program, { network, target, requests, every: EVERY }).done
          if (failures.length > 0) throw new Error(failures[0])
          const [first, ...others] = answers as [number, ...number[]]
          cold.push(first)
          warm.push(...others.slice(WARM / 2))
        })
      }
      lines.push([`${network}, first page of a fresh process`, tail(cold)])
      lines.push([`  when it is warm`, tail(warm)])
    }
    return lines
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
