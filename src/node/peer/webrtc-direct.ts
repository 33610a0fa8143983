import type { Transport, Upgrader } from '@libp2p/interface'
import * as FIGURES from '../../limits/figures.js'
import type { WebRtcCertificate } from './webrtc-certificate.js'

/** WebRTC-direct was asked for and cannot be had here; the message says why and what to do. */
export class WebRtcError extends Error {
  static override readonly name = 'WebRtcError'
  override readonly name = 'WebRtcError'
}

/** What is used of the package; it is no dependency, so that nobody else gets its native module. */
interface WebRtcPackage {
  webRTCDirect(init: {
    certificate: WebRtcCertificate
    rtcConfiguration: { iceServers: [] }
  }): (components: Components) => Transport
}

interface Components {
  upgrader: Upgrader
}

export interface WebRtcInit {
  certificate: WebRtcCertificate
  /** Told of each that finds no place. */
  onRefused?: (() => void) | undefined
  /** @default 128 */
  handshakes?: number | undefined
}

const PACKAGE = '@libp2p/webrtc'

/**
 * Loads the package for version 1 of WebRTC-direct. Throws `WebRtcError`.
 * @param from where it is; tests name another
 */
export async function loadWebRtc(
  from: string = PACKAGE
): Promise<(init: WebRtcInit) => (components: Components) => Transport> {
  const { webRTCDirect } = await load(from)
  return ({ certificate, onRefused = () => {}, handshakes = FIGURES.connections.webRtcHandshakes }) => {
    // its own default asks servers of others on the internet for addresses, which is of no use to who listens
    const transport = webRTCDirect({ certificate, rtcConfiguration: { iceServers: [] } })
    return components => {
      const upgrader = bounded(components.upgrader, handshakes, onRefused)
      return explaining(transport(Object.create(components, { upgrader: { value: upgrader } })))
    }
  }
}

async function load(from: string): Promise<WebRtcPackage> {
  try {
    return (await import(from)) as WebRtcPackage
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const absent = code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${from}'`)
    throw new WebRtcError(
      absent
        ? `--webrtc-direct needs the package ${PACKAGE}, which is not installed: npm install ${PACKAGE}@6 beside waku-mailserver ` +
            '(with --global when that is)'
        : `--webrtc-direct: the package ${PACKAGE} does not work here: ${message.split('\n')[0]}`,
      { cause }
    )
  }
}

/** The same transport, which says why it cannot listen: its native part says nothing that helps. */
function explaining(transport: Transport): Transport {
  const createListener = transport.createListener.bind(transport)
  transport.createListener = options => {
    const listener = createListener(options)
    const listen = listener.listen.bind(listener)
    listener.listen = async address => {
      try {
        await listen(address)
      } catch (cause) {
        // there is nothing to close, and the attempt would hide why
        listener.close = async () => {}
        const reason = 'another program has its UDP port, or this machine does not have the address'
        throw new WebRtcError(`${reason}: choose another with --listen`, { cause })
      }
    }
    return listener
  }
  return transport
}

/** The same upgrader, which gives up at once what would be one handshake too many. */
function bounded(upgrader: Upgrader, most: number, onRefused: () => void): Upgrader {
  let under = 0
  const createInboundAbortSignal: Upgrader['createInboundAbortSignal'] = signal => {
    if (under >= most) {
      onRefused()
      return Object.assign(AbortSignal.abort(new WebRtcError('too many handshakes at a time')), { clear: () => {} })
    }
    under++
    const own = upgrader.createInboundAbortSignal(signal)
    const clear = own.clear.bind(own)
    own.clear = () => {
      under--
      own.clear = clear
      clear()
    }
    return own
  }
  return Object.create(upgrader, { createInboundAbortSignal: { value: createInboundAbortSignal } })
}
