import '../../src/base/polyfill.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { mailbox, mailclient, waku } from '../../src/index.js'
import { useQuickKeccak } from '../../src/node/crypto/quick-keccak.js'
import { createPeerNode, startPeerNode } from '../../src/node/peer/peer-node.js'
import { hiddenBench } from './hidden.js'
import { PASSWORD } from './history-protocol.js'
import { CHANNEL_KEY, CHANNELS, LETTERS } from './mailbox-channels.js'
import type { Line } from './report.js'
import { ServerProcess } from './server-process.js'

/**
 * A phone with 30 topics that was away for a week, and its mailbox, beside the ping of libp2p on the same connection: what it asks, what
 * that takes, and how long until the first message and the seam.
 */
export async function mailboxBench(count: number): Promise<Line[]> {
  await useQuickKeccak()
  const directory = await mkdtemp(join(tmpdir(), 'waku-bench-'))
  const server = new ServerProcess('./mailbox-server.js', [directory, String(count)])
  try {
    const { address, bytes, since } = await server.answer<{ address: string; bytes: number; since: number }>('ready')
    const lines: Line[] = []
    for (const [name, opened] of [
      ['first', false],
      ['connected', true]
    ] as const) {
      const node = await createPeerNode({
        privateKey: await generateKeyPair('secp256k1'),
        datastore: new MemoryDatastore(),
        services: {
          waku: waku({ light: true }),
          mailclient: mailclient(),
          mailbox: mailbox({ servers: [address], password: PASSWORD })
        }
      })
      await startPeerNode(node as never)
      try {
        if (opened) await node.services.waku.connect(multiaddr(address))
        lines.push(...(await visit(node.services, { name, bytes, since, count })))
      } finally {
        await node.stop()
      }
    }
    await server.answer('stop')
    lines.push(...(await hiddenBench(Math.min(count, 100_000))))
    return lines
  } finally {
    server.kill()
    await rm(directory, { recursive: true, force: true })
  }
}

interface Services {
  mailclient: { readonly counts: Record<string, number> }
  mailbox: ReturnType<ReturnType<typeof mailbox>>
}

async function visit(
  { mailclient, mailbox }: Services,
  { name, bytes, since, count }: { name: string; bytes: number; since: number; count: number }
): Promise<Line[]> {
  const begun = performance.now()
  let first: { ms: number; requests: number } | undefined
  let messages = 0
  for await (const item of mailbox.messages({ topics: CHANNELS, key: CHANNEL_KEY, since })) {
    if (item.type === 'message') {
      messages++
      first ??= { ms: performance.now() - begun, requests: mailclient.counts.requests ?? 0 }
    } else if (item.type === 'caughtUp') break
  }
  const ms = performance.now() - begun
  if (messages !== LETTERS) throw new Error(`${messages} of ${LETTERS} messages came`)
  const { requests = 0, bytes: got = 0 } = mailclient.counts
  return [
    [
      `${name === 'first' ? 'not connected' : 'connected'}: ${messages} messages of 30 topics among ${count + LETTERS}`,
      `first after ${first?.requests} ${first?.requests === 1 ? 'request' : 'requests'}, ${first?.ms.toFixed(0)} ms; caught up after ${requests}, ${ms.toFixed(0)} ms; ${(got / bytes).toFixed(3)} x the bytes of the envelopes`
    ]
  ]
}
