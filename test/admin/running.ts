import { join } from 'node:path'
import { Daemon } from '../../src/node/daemon.js'
import { readConfig } from '../../src/node/settings/config.js'
import { startShape } from '../../src/node/settings/start-config.js'
import type { Scope } from '../helpers/scope.js'
import { tempDir } from '../node/temp-dir.js'

/** A node with an admin listener, gone when the test ends. */
export async function running(t: Scope, flags: Record<string, unknown> = {}): Promise<Daemon> {
  const quiet = { listen: ['/ip4/127.0.0.1/tcp/0'], 'devp2p-listen': '127.0.0.1:0', 'admin-listen': '127.0.0.1:0' }
  const all = { 'data-dir': join(tempDir(t), 'data'), ...quiet, ...flags }
  const daemon = await Daemon.start(readConfig(startShape, { flags: all, env: {} }))
  t.after(() => daemon.stop())
  return daemon
}
