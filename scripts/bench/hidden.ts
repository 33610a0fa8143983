import type { TestContext } from 'node:test'
import { envelopeAt } from '../../test/archive/traffic.js'
import { AGE, letter, mailhost, NEWS, reader, untilCaughtUp } from '../../test/mailbox/nodes.js'
import type { Line } from './report.js'

/** Two servers of which one hides an envelope, and a mailbox that compares them: what it takes to name it. */
export async function hiddenBench(count: number): Promise<Line[]> {
  const ends: (() => unknown)[] = []
  const scope = { after: (end: () => unknown) => ends.push(end) } as unknown as TestContext
  try {
    const [hiding, honest] = await Promise.all([mailhost(scope), mailhost(scope)])
    const since = Math.floor(Date.now() / 1000) - AGE / 10
    const hidden = letter('hidden', { sent: since + count / 4 })
    const data = (i: number): Uint8Array => {
      const bytes = new Uint8Array(300)
      new DataView(bytes.buffer).setUint32(0, i)
      return bytes
    }
    const all = Array.from({ length: count }, (_, i) =>
      envelopeAt(since + Math.floor(i / 2), hidden.topic, data(i), 50)
    )
    for (let at = 0; at < count; at += 2000) {
      for (const { archive } of [hiding, honest]) await archive.append(all.slice(at, at + 2000))
    }
    await honest.archive.append([hidden])
    const phone = await reader(scope, [hiding, honest])
    const { mailclient } = phone.libp2p.services
    await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since }))
    const before = mailclient.counts
    const begun = performance.now()
    const { seams, texts } = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since, verified: true }))
    const after = mailclient.counts
    const named = seams[0]?.leftOut.some(({ server }) => server.equals(hiding.libp2p.peerId)) === true
    if (!named || texts.join() !== 'hidden') throw new Error('the server that hides an envelope was not named')
    const asked = (name: string): number => (after[name] as number) - (before[name] as number)
    return [
      [
        `one hidden of ${count}`,
        `named after ${asked('requests')} requests, ${asked('envelopes')} envelopes fetched, ${(performance.now() - begun).toFixed(0)} ms`
      ]
    ]
  } finally {
    for (const end of ends.reverse()) await end()
  }
}
