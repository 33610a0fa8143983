import type { Server as HttpsServer } from 'node:https'
import type { Server } from 'node:net'
import type { CreateListenerOptions, Listener, MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import { ipPortToMultiaddr } from '@libp2p/utils'
import { type WebSocketsComponents, webSockets } from '@libp2p/websockets'
import { WebSocket, type WebSocketServer } from 'ws'
import * as FIGURES from '../../limits/figures.js'
import { forwardedFor } from '../settings/forwarded.js'
import type { Certificate } from './certificate.js'
import { SocketGate, type SocketGateLimits } from './socket-gate.js'

// Node has it from version 22
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket

const { upgrade, httpIdle } = FIGURES.connections
const HTTP = { headersTimeout: upgrade, requestTimeout: upgrade, keepAliveTimeout: httpIdle }

/** What a listener of @libp2p/websockets is made of and offers no setting for. */
interface ListenerParts {
  server: Server
  wsServer: Pick<WebSocketServer, 'on'> & { options: { maxPayload?: number } }
  /** While it listens with TLS. */
  https?: HttpsServer
}

/** The same of a connection; that of `ws` has more than Node's own. */
interface ConnectionParts {
  websocket: Pick<globalThis.WebSocket, 'close'> & Partial<Pick<WebSocket, 'terminate' | 'on'>>
}

/** The WebSocket transport of a node: bounded before libp2p can bound it, and with a certificate that can be renewed. */
export class WebSockets {
  readonly #listeners = new Set<Listener & ListenerParts>()

  /**
   * @param certificate for addresses that end in `/tls/ws` or `/wss`
   * @param limits.proxies whose word is taken for whom they forward
   */
  constructor(
    private certificate?: Certificate,
    private readonly limits: SocketGateLimits = {}
  ) {}

  /** For `createLibp2p`. */
  readonly transport = (components: WebSocketsComponents): Transport => {
    const transport = webSockets({ http: HTTP, https: { ...HTTP, ...pem(this.certificate) } })(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = options => this.#listener(createListener, options)
    const dial = transport.dial.bind(transport)
    transport.dial = (address, options) => dial(address, { ...options, upgrader: tending(options.upgrader) })
    return transport
  }

  /** From now on handshakes get this one; open connections stay. */
  renew(certificate: Certificate): void {
    this.certificate = certificate
    for (const { https } of this.#listeners) https?.setSecureContext(pem(certificate))
  }

  #listener(create: (options: CreateListenerOptions) => Listener, options: CreateListenerOptions): Listener {
    const gate = new SocketGate(this.limits)
    let forwarded: string | undefined
    const onInbound = (connection: MultiaddrConnection): void => {
      gate.pass(connection)
      if (forwarded === undefined) return
      const port = connection.remoteAddr.getComponents().find(({ name }) => name === 'tcp')?.value ?? '0'
      // places, streams and turns are counted by it
      connection.remoteAddr = ipPortToMultiaddr(forwarded, port).encapsulate('/ws')
    }
    const listener = create({ ...options, upgrader: tending(options.upgrader, onInbound) }) as Listener & ListenerParts
    gate.guard(listener.server)
    listener.wsServer.on('headers', (_headers, request) => {
      // the request becomes a connection before the next one is looked at
      forwarded = forwardedFor(request, this.limits.proxies ?? new Set())
    })
    listener.wsServer.options.maxPayload = FIGURES.connections.webSocketMessage
    const close = listener.close.bind(listener)
    listener.close = async () => {
      this.#listeners.delete(listener)
      const closed = close()
      // it waits for them, and knows only those that have spoken
      gate.close()
      await closed
    }
    this.#listeners.add(listener)
    return listener
  }
}

/** The same upgrader, with an eye on every connection that comes to it. */
function tending(upgrader: Upgrader, onInbound: (connection: MultiaddrConnection) => void = () => {}): Upgrader {
  return Object.create(upgrader, {
    upgradeInbound: {
      value: (connection: MultiaddrConnection, options: Parameters<Upgrader['upgradeInbound']>[1]) => {
        onInbound(connection)
        return upgrader.upgradeInbound(tend(connection), options)
      }
    },
    upgradeOutbound: {
      value: (connection: MultiaddrConnection, options: Parameters<Upgrader['upgradeOutbound']>[1]) =>
        upgrader.upgradeOutbound(tend(connection), options)
    }
  })
}

/**
 * An error of a `ws` socket that nobody listens to ends the process, and an abort leaves the socket open: it asks for close code
 * 1006, which none may send.
 */
function tend(connection: MultiaddrConnection): MultiaddrConnection {
  const { websocket } = connection as MultiaddrConnection & ConnectionParts
  websocket.on?.('error', () => {})
  connection.addEventListener('close', () => {
    if (connection.status !== 'aborted') return
    if (websocket.terminate !== undefined) websocket.terminate()
    else websocket.close()
  })
  return connection
}

function pem(certificate: Certificate | undefined): { cert?: string; key?: string } {
  return certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }
}
