import { defaultLogger } from '@libp2p/logger'
import { AdminServer } from '../../admin/admin-server.js'
import { Gate } from '../../admin/gate.js'
import type { Overview } from '../../admin/overview.js'
import { type PageParts, pageRoutes } from '../../admin/page-routes.js'
import { probes } from '../../admin/probes.js'
import { ListenError } from '../peer/peer-node.js'
import type { adminSettings } from '../settings/admin-listen.js'

export interface AdminNodeInit {
  settings: NonNullable<ReturnType<typeof adminSettings>>
  token: string
}

export interface AdminNodeParts extends PageParts {
  overview: Overview
}

/** Where the operator of a node sees it. */
export class AdminNode {
  readonly #init: AdminNodeInit
  readonly #log = defaultLogger().forComponent('waku:admin')
  #server: AdminServer | undefined
  #closePage = (): void => {}

  constructor(init: AdminNodeInit) {
    this.#init = init
  }

  /** Null while it does not listen. */
  get url(): string | null {
    return this.#server?.url ?? null
  }

  get connections(): number {
    return this.#server?.connections ?? 0
  }

  /** Once the node runs. Throws `ListenError`. */
  async start(parts: AdminNodeParts): Promise<void> {
    const { settings, token } = this.#init
    const page = pageRoutes(parts)
    this.#closePage = page.close
    try {
      this.#server = await AdminServer.listen({
        ...settings.listen,
        yielding: settings.yielding,
        routes: new Map([...probes(parts.overview), ...page.routes]),
        gate: new Gate(token, settings.hosts),
        onError: error => this.#log.error('the admin listener could not answer - %e', error)
      })
    } catch (err) {
      throw explain(err as NodeJS.ErrnoException, settings.listen)
    }
  }

  async stop(): Promise<void> {
    this.#closePage()
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
