import { networkInterfaces } from 'node:os'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { anySignal } from '../../base/any-signal.js'
import { ControlClient } from '../../node/control/control-client.js'
import { findDataDir } from '../../node/data-dir/data-dir.js'
import { identityOf } from '../../node/data-dir/identity.js'
import { devp2pSettings, enodeOf } from '../../node/devp2p/devp2p-node.js'
import { DEFAULT_DATA_DIR, listenAddresses, startShape } from '../../node/settings/start-config.js'
import { defineCommand } from '../command.js'
import { writeJson, writeLine } from '../output.js'

export interface IdAnswer {
  peerId: string
  multiaddrs: string[]
  /** Where devp2p peers reach it; null when it does not listen for them, or the port is not known yet. */
  enode: string | null
}

const DEADLINE_MS = 10_000
// the same settings as those of start, so that one config file serves both
const { 'self-check': _check, once: _once, 'new-identity': _new, ...settings } = startShape

export const id = defineCommand({
  name: 'id',
  about: 'print the peer id and the addresses of a node',
  details: 'When no node runs on the data dir, the addresses are those that start would use with the same settings.',
  shape: settings,
  async run(config, _operands, context) {
    const dir = await findDataDir(config['data-dir'] ?? DEFAULT_DATA_DIR)
    const signal = anySignal([context.signal, AbortSignal.timeout(DEADLINE_MS)])
    const control = await ControlClient.find(dir)
    let answer: IdAnswer
    if (control !== undefined) {
      try {
        answer = (await control.ask('id', {}, { signal })) as IdAnswer
      } finally {
        control.close()
      }
    } else {
      const key = await identityOf(dir)
      const peerId = peerIdFromPrivateKey(key).toString()
      const devp2p = devp2pSettings(config)
      const enode = devp2p === undefined ? null : enodeOf(key, devp2p)
      const addresses = config.announce?.map(String) ?? listenAddresses(config).flatMap(reachable)
      answer = { peerId, multiaddrs: addresses.map(address => withPeer(address, peerId)), enode }
    }
    if (config.json === true) await writeJson(context.stdout, answer, context)
    else await writeLine(context.stdout, describe(answer), context)
    return 0
  }
})

/** An address of all interfaces stands for those of each. */
function reachable(address: string): string[] {
  const family = address.startsWith('/ip4/0.0.0.0/') ? 'IPv4' : address.startsWith('/ip6/::/') ? 'IPv6' : undefined
  if (family === undefined) return [address]
  const own = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  return own
    .filter(entry => entry.family === family && !entry.address.startsWith('fe80:'))
    .map(entry => address.replace(/^\/ip(4|6)\/[^/]+/, (_, version) => `/ip${version}/${entry.address}`))
}

function withPeer(address: string, peerId: string): string {
  return /\/p2p\/[^/]+$/.test(address) ? address : `${address}/p2p/${peerId}`
}

function describe({ peerId, multiaddrs, enode }: IdAnswer): string {
  const lines = [`peer id    ${peerId}`, ...multiaddrs.map(address => `multiaddr  ${address}`)]
  return [...lines, `enode      ${enode ?? 'none'}`].join('\n')
}
