import type { Socket } from 'node:net'
import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import { type TCPComponents, tcp } from '@libp2p/tcp'

/**
 * TCP that sends what is written within one turn of the event loop in one piece: noise writes the length of each message and
 * the message one by one, and a write to the system may cost more than encrypting what it carries.
 */
export function corkedTcp(): (components: TCPComponents) => Transport {
  return components => {
    const transport = tcp()(components)
    const { dial, createListener } = transport
    transport.dial = (address, options) =>
      dial.call(transport, address, { ...options, upgrader: corking(options.upgrader) })
    transport.createListener = options =>
      createListener.call(transport, { ...options, upgrader: corking(options.upgrader) })
    return transport
  }
}

function corking(upgrader: Upgrader): Upgrader {
  return new Proxy(upgrader, {
    get: (all, name) => {
      if (name === 'upgradeInbound' || name === 'upgradeOutbound') {
        return (connection: MultiaddrConnection, ...rest: [never]) => all[name](corked(connection), ...rest)
      }
      const value = Reflect.get(all, name)
      return typeof value === 'function' ? value.bind(all) : value
    }
  })
}

interface Sending {
  socket: Socket
  sendData(...args: unknown[]): unknown
}

function corked(connection: MultiaddrConnection): MultiaddrConnection {
  const sending = connection as unknown as Sending
  const { socket } = sending
  const send = sending.sendData.bind(connection)
  let waiting = false
  const uncork = (): void => {
    waiting = false
    socket.uncork()
  }
  sending.sendData = (...args) => {
    if (!waiting) {
      waiting = true
      socket.cork()
      process.nextTick(uncork)
    }
    return send(...args)
  }
  return connection
}
