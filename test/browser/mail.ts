import { join } from 'node:path'
import { Daemon } from '../../src/node/daemon.js'
import { readConfig } from '../../src/node/settings/config.js'
import { readPasswordFile } from '../../src/node/settings/secret.js'
import { startShape } from '../../src/node/settings/start-config.js'
import type { Scope } from '../helpers/scope.js'
import { tempDir } from '../node/temp-dir.js'

export interface MailNode {
  daemon: Daemon
  /** Where a browser reaches it. */
  address: string
  port: number
  password: string
}

/** A mailserver on a free port, for WebSockets. */
export async function mailNode(t: Scope, flags: Record<string, unknown> = {}): Promise<MailNode> {
  const all = {
    'data-dir': join(tempDir(t), 'data'),
    listen: ['/ip4/127.0.0.1/tcp/0/ws'],
    'no-devp2p': true,
    ...flags
  }
  const daemon = await Daemon.start(readConfig(startShape, { flags: all, env: {} }))
  t.after(() => daemon.stop())
  const address = daemon.ready.multiaddrs[0] ?? ''
  const password = await readPasswordFile(daemon.dir.password)
  return { daemon, address, port: Number(address.split('/')[4]), password }
}
