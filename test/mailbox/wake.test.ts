import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { Wake } from '../../src/mailbox/wake.js'
import { unixNow } from '../helpers/envelopes.js'
import { isMessage, letters, type Mailhost, mailhost, NEWS, reader } from './nodes.js'

/** The way to a server, whose connections can die so that neither end hears of it, as they do while a laptop sleeps. */
async function way(t: TestContext, server: Mailhost): Promise<{ address: string; count(): number; die(): void }> {
  const port = Number(/tcp\/(\d+)/.exec(String(server.address))?.[1])
  const open = new Set<Socket>()
  let live: Socket[] = []
  let connections = 0
  const proxy = createServer(near => {
    connections++
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      open.add(from)
      live.push(from)
      from.on('data', data => {
        if (live.includes(from)) to.write(data)
      })
      from.on('error', () => {})
      from.on('close', () => {
        if (live.includes(from)) to.destroy()
      })
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    for (const socket of open) socket.destroy()
    proxy.close()
  })
  return {
    address: `/ip4/127.0.0.1/tcp/${(proxy.address() as AddressInfo).port}/p2p/${server.libp2p.peerId}`,
    count: () => connections,
    die: () => {
      live = []
    }
  }
}

test('after sleep the servers are reached anew, though the connections look alive, and what came meanwhile is caught up, once', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const road = await way(t, server)
  let slept = 0
  const phone = await reader(t, [multiaddr(road.address)], {
    now: () => unixNow() + slept,
    interval: 3_600_000,
    monitored: false
  })
  const changes: string[] = []
  phone.mailbox.addEventListener('server', ({ detail }) => changes.push(detail.state))
  const seen: string[] = []
  let before = 0
  for await (const item of phone.mailbox.messages({ ...NEWS, since: unixNow() - 86_400 })) {
    if (isMessage(item)) seen.push(item.text)
    // the second wave follows the conversation: from then on all is at rest
    if (item.type === 'caughtUp' && item.wave === 2) {
      before = road.count()
      road.die()
      await server.archive.append(letters(3, 3))
      slept = 8 * 3600
    }
    if (item.type === 'caughtUp' && seen.length === 6) break
  }
  assert.deepEqual(seen, ['0', '1', '2', '3', '4', '5'])
  assert.equal(road.count() - before, 1, 'a connection of its own')
  assert.deepEqual(changes.slice(0, 3), ['connected', 'lost', 'connected'])
})

test('a clock that jumps either way, or timers that come much too late, are noticed once; those of a tab in the background are not', () => {
  let time = 1_000_000
  let tick = 0
  const wake = new Wake(
    () => time,
    () => tick
  )
  const after = (seconds: number, ticks = seconds): boolean => {
    time += seconds
    tick += ticks * 1000
    return wake.look()
  }
  assert.deepEqual(
    [after(2), after(60), after(3600, 2), after(2), after(-3600, 2), after(2), after(300), after(2)],
    [false, false, true, false, true, false, true, false]
  )
})
