import '../../../src/base/polyfill.js'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Daemon } from '../../../src/node/daemon.js'
import { readConfig } from '../../../src/node/settings/config.js'
import { startShape } from '../../../src/node/settings/start-config.js'
import { Prng } from '../../../test/archive/prng.js'
import { Traffic } from '../../../test/archive/traffic.js'
import { UPSTREAM_KEY } from './attacks.js'

// A mailserver behind the node that is attacked, in a process of its own: `behind.js <envelopes> <payload>`, over IPC.

const dir = mkdtempSync(join(tmpdir(), 'hostile-behind-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
process.on('disconnect', () => process.exit())
const flags = {
  'data-dir': join(dir, 'data'),
  listen: ['/ip4/127.0.0.1/tcp/0'],
  'no-devp2p': true,
  'no-admin': true,
  retention: 'forever'
}
const daemon = await Daemon.start(readConfig(startShape, { flags, env: {} }))
const { mailserver } = daemon.node.services
await mailserver.keyring.add('main', UPSTREAM_KEY)
const [count = 0, payload = 450] = process.argv.slice(2).map(Number)
const traffic = new Traffic(new Prng(2), { count, days: 30, payload })
for (const batch of traffic.batches(1000)) await mailserver.archive.append(batch)
process.send?.(daemon.ready.multiaddrs[0])
