import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Daemon } from '../../src/node/daemon.js'
import { ClientPeer } from '../../src/node/peer/client-peer.js'
import { readConfig } from '../../src/node/settings/config.js'
import { parsePeerAddress } from '../../src/node/settings/peer-address.js'
import { startShape } from '../../src/node/settings/start-config.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { until } from '../helpers/waku-node.js'
import { tempDir } from './temp-dir.js'

const OLD = 1_600_000_000
const PAGE = 10

function start(dir: string, { listen, devp2p }: { listen: string; devp2p: string }): Promise<Daemon> {
  const flags = { 'data-dir': dir, listen: [listen], 'devp2p-listen': devp2p, 'no-admin': true, retention: '36500d' }
  return Daemon.start(readConfig(startShape, { flags, env: {} }))
}

for (const network of ['libp2p', 'devp2p'] as const) {
  test(`a history goes on when its server is started again, over ${network}`, async (t: TestContext) => {
    const dir = join(tempDir(t), 'data')
    let daemon = await start(dir, { listen: '/ip4/127.0.0.1/tcp/0', devp2p: '127.0.0.1:0' })
    t.after(() => daemon.stop())
    const envelopes = Array.from({ length: 20 * PAGE }, (_, i) => newEnvelope({ sent: OLD + i }))
    await daemon.node.services.mailserver.archive.append(envelopes)
    const [listen = ''] = daemon.ready.multiaddrs
    const enode = daemon.ready.enode ?? ''
    const server = parsePeerAddress(network === 'libp2p' ? listen : enode)
    const client = await ClientPeer.open({
      dataDir: join(tempDir(t), 'client'),
      trustOnly: server.peer,
      mailclient: { backoff: 20 }
    })
    t.after(() => client.close())
    const { mailclient } = client.node.services
    const { signal } = new AbortController()
    await client.connect(server, { signal, timeout: 20_000 })
    const password = (await readFile(join(dir, 'password'), 'utf8')).trim()
    const pages = mailclient.history({
      server: server.peer,
      network,
      from: OLD,
      to: OLD + 1000,
      pageSize: PAGE,
      requestKey: await keyFromPassword(password)
    })
    const got: string[] = []
    for await (const page of pages) {
      got.push(...page.envelopes.map(({ hashHex }) => hashHex))
      if (got.length !== 2 * PAGE) continue
      await daemon.stop()
      const broken = mailclient.counts.requests_retried ?? 0
      // more often than a server is tried that was never reached
      await until(() => (mailclient.counts.requests_retried ?? 0) >= broken + 5, 20_000)
      daemon = await start(dir, { listen: listen.replace(/\/p2p\/.*/, ''), devp2p: enode.replace(/.*@/, '') })
    }
    assert.deepEqual(
      got,
      envelopes.map(({ hashHex }) => hashHex)
    )
  })
}
