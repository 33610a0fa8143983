import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { cassandraJars } from './jars.js'
import { CassandraNode } from './node.js'

/** The ring in three, as murmur3 hashes. */
const TOKENS = ['-9223372036854775808', '-3074457345618258603', '3074457345618258602'] as const

export interface ClusterInit {
  /** 1 to 3, on 127.0.0.1 and on. @default 1 */
  nodes?: number | undefined
  /** Where clients connect; a free one when absent. */
  port?: number | undefined
  /** MiB of heap of each node. @default 512 */
  heap?: number | undefined
  /** More lines of cassandra.yaml. */
  settings?: Readonly<Record<string, string>> | undefined
  /** Where the nodes keep everything; a temporary folder, gone when they stop, when absent. */
  folder?: string | undefined
  /** Another folder for one node, by its number. */
  folders?: Readonly<Record<number, string>> | undefined
  /** Told of each node that serves. */
  onReady?: ((node: CassandraNode) => void) | undefined
}

/** Real nodes of Cassandra on loopback addresses, for tests and for trying it out. */
export class Cluster {
  readonly nodes: readonly CassandraNode[]
  readonly port: number
  readonly #folder: string
  readonly #temporary: boolean

  private constructor(nodes: readonly CassandraNode[], port: number, folder: string, temporary: boolean) {
    this.nodes = nodes
    this.port = port
    this.#folder = folder
    this.#temporary = temporary
  }

  /** Starts the nodes one after another; resolves when all serve. */
  static async start({
    nodes: count = 1,
    port,
    heap = 512,
    settings = {},
    folder,
    folders = {},
    onReady
  }: ClusterInit = {}): Promise<Cluster> {
    const jars = await cassandraJars()
    const addresses = TOKENS.slice(0, count).map((_, i) => `127.0.0.${i + 1}`)
    const nativePort = port ?? (await freePort(addresses))
    const storagePort = await freePort(addresses)
    const place = folder ?? (await mkdtemp(join(tmpdir(), 'waku-cluster-')))
    const nodes: CassandraNode[] = addresses.map(
      (address, i) =>
        new CassandraNode({
          jars,
          address,
          nativePort,
          storagePort,
          seed: addresses[0] as string,
          token: TOKENS[i] as string,
          folder: folders[i] ?? join(place, `node-${i + 1}`),
          log: join(place, `node-${i + 1}`, 'system.log'),
          heap,
          settings,
          others: () => nodes.filter(node => node.answers && node.address !== address).map(node => node.address)
        })
    )
    const cluster = new Cluster(nodes, nativePort, place, folder === undefined)
    try {
      for (const node of nodes) {
        await node.start()
        onReady?.(node)
      }
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** `host:port` of each node. */
  get contactPoints(): string[] {
    return this.nodes.map(({ address }) => `${address}:${this.port}`)
  }

  node(i: number): CassandraNode {
    const node = this.nodes[i]
    if (node === undefined) throw new RangeError(`there is no node ${i}`)
    return node
  }

  /** Kills what runs: nothing here has to be kept. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(node => (this.#temporary ? node.kill() : node.stop())))
    if (this.#temporary) await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
