import type { Libp2p } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { AdminServer } from '../admin/admin-server.js'
import { Gate } from '../admin/gate.js'
import { closedMetrics } from '../admin/libp2p-metrics.js'
import { NodeMetrics } from '../admin/node-metrics.js'
import { NodeWatch, type WatchedNode } from '../admin/node-watch.js'
import { probes } from '../admin/probes.js'
import type { AnsweredRequest } from '../mailserver/answered-request.js'
import type { AppendMeasure } from '../mailserver/topic-store.js'
import type { adminSettings } from './admin-listen.js'
import { ListenError } from './peer-node.js'

export interface AdminNodeInit {
  settings: NonNullable<ReturnType<typeof adminSettings>>
  token: string
}

/** What the operator of a node sees of it, and where. */
export class AdminNode {
  readonly metrics = new NodeMetrics()
  /** For libp2p. */
  readonly component = closedMetrics(this.metrics.registry)
  readonly #init: AdminNodeInit
  readonly #log = defaultLogger().forComponent('waku:admin')
  #watch: NodeWatch | undefined
  #server: AdminServer | undefined

  constructor(init: AdminNodeInit) {
    this.#init = init
  }

  /** Absent while it does not listen. */
  get url(): string | null {
    return this.#server?.url ?? null
  }

  readonly onAnswered = (answered: AnsweredRequest): void => {
    this.metrics.answered(answered)
  }

  readonly onStored = (error?: Error, append?: AppendMeasure): void => {
    if (append === undefined || error !== undefined) return
    this.metrics.appended(append)
    this.#watch?.stored()
  }

  /** Once the node runs. Throws `ListenError`. */
  async start(node: Omit<WatchedNode, 'adminConnections'> & { libp2p: Libp2p }): Promise<void> {
    const watch = new NodeWatch({ ...node, adminConnections: () => this.#server?.connections ?? 0 })
    const { settings, token } = this.#init
    const failing = async (): Promise<string[]> => (node.libp2p.status === 'started' ? [] : ['node'])
    const routes = new Map(probes({ metrics: this.metrics, snapshot: () => watch.snapshot(), failing }))
    try {
      this.#server = await AdminServer.listen({
        ...settings.listen,
        yielding: settings.yielding,
        routes,
        gate: new Gate(token, settings.hosts),
        onError: error => this.#log.error('the admin listener could not answer - %e', error)
      })
    } catch (err) {
      throw explain(err as NodeJS.ErrnoException, settings.listen)
    }
    watch.start()
    this.#watch = watch
  }

  async stop(): Promise<void> {
    this.#watch?.stop()
    await this.#server?.close()
    this.#server = undefined
  }
}

function explain(err: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): Error {
  const address = `${host}:${port}`
  const other = 'choose another with --admin-listen <ip:port>, or --no-admin'
  if (err.code === 'EADDRINUSE') return new ListenError(`the port of ${address} is in use by another program: ${other}`)
  if (err.code === 'EADDRNOTAVAIL') return new ListenError(`this machine does not have the address of ${address}`)
  if (err.code === 'EACCES') return new ListenError(`this user may not listen on ${address}: ${other}`)
  return err.code === undefined ? err : new ListenError(`cannot listen on ${address}: ${err.code}`)
}
