import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type MailboxItem, type MailboxServer, mailserver, waku } from '../../src/index.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { type Coverage, coverageItem } from '../../src/wire/request/coverage.js'
import { ExtensionKey, type Extensions } from '../../src/wire/request/extension.js'
import type { HistoryRequest } from '../../src/wire/request/history-request.js'
import { encodeSequenceCursor } from '../../src/wire/request/sequence-cursor.js'
import { decodeItem, encodeString } from '../../src/wire/rlp.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { libp2pNode } from '../helpers/libp2p-node.js'
import { complete, deliver, NO_HASH, opened } from '../libp2p/lying-server.js'
import { lyingServer, type ScriptedLine } from '../libp2p/mail-nodes.js'
import { diskArchive } from '../mailserver/fixture.js'
import { KEY } from '../mailserver/request-maker.js'
import { isMessage, letter, letters, mailhost, NEWS, PASSWORD, reader, textsOf, untilCaughtUp } from './nodes.js'

const ARCHIVE = new Uint8Array(8).fill(5)
const texts = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `${from + i}`)
const sequence = (seq: number, archiveId = ARCHIVE): Uint8Array => encodeSequenceCursor({ archiveId, seq })

interface Page {
  envelopes?: Envelope[]
  /** Where it says that it ended. */
  cursor?: Uint8Array
  coverage?: Partial<Coverage>
}

type Liar = MailboxServer & { id: string; requests(): number }

/** A server that tells in ingest order, made by hand: what it answers to a question after a number. */
async function liar(t: TestContext, answer: (after: number, asked: HistoryRequest) => Page): Promise<Liar> {
  let requests = 0
  const { libp2p } = await lyingServer(t, async (line: ScriptedLine) => {
    for (;;) {
      const request = await line.request()
      requests++
      const asked = opened(request)
      const given = asked.extensions?.get(ExtensionKey.sequence)?.payload
      const after =
        given === undefined || given.length === 0 ? 0 : Number(new DataView(given.slice().buffer).getBigUint64(8))
      const { envelopes = [], cursor = sequence(after), coverage } = answer(after, asked)
      if (envelopes.length > 0) await deliver(line, envelopes)
      const whole: Coverage = { since: 0, oldest: 0, sequence: sequence(9_000_000), more: true, gaps: [], ...coverage }
      const extensions: Extensions = new Map([
        [ExtensionKey.sequence, decodeItem(encodeString(cursor))],
        [ExtensionKey.coverage, coverageItem({ coverage: whole, digests: [] })]
      ])
      await complete(line, { requestId: request.hash, lastHash: envelopes.at(-1)?.hash ?? NO_HASH, extensions })
    }
  })
  const peer = libp2p.getMultiaddrs()[0]
  assert.ok(peer !== undefined)
  return { peer, requestKey: KEY, id: libp2p.peerId.toString(), requests: () => requests }
}

/** All that a reader with this server, and an honest one behind it, is shown until the seam. */
async function beside(
  t: TestContext,
  bad: Liar,
  own = letters(5)
): Promise<{ items: MailboxItem[]; failed: string | undefined }> {
  const honest = await mailhost(t)
  await honest.archive.append(own)
  const phone = await reader(t, [bad, honest], { client: { firstTimeout: 2000, retries: 0 } })
  const { items, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  const told = seams[0]?.servers.find(({ server }) => server.toString() === bad.id)
  return { items, failed: told?.error?.name }
}

test('endless pages of one envelope end: it is shown once, the server is told of, and the next one is read', async t => {
  const own = letters(5)
  const bad = await liar(t, after => ({ envelopes: own.slice(0, 1), cursor: sequence(after + 1) }))
  const { items, failed } = await beside(t, bad, own)
  assert.deepEqual([textsOf(items).sort(), failed], [texts(5), 'MisbehavingServerError'])
  assert.ok(bad.requests() < 200, `${bad.requests()} requests`)
})

test('endless pages with nothing in them, of which each promises more, end', async t => {
  const own = letters(5)
  const empty = newEnvelope({ sent: unixNow() - 3600 })
  const bad = await liar(t, after => ({ envelopes: [empty], cursor: sequence(after + 1) }))
  const { items, failed } = await beside(t, bad, own)
  assert.deepEqual([textsOf(items).sort(), failed], [texts(5), 'MisbehavingServerError'])
})

test('repeats within pages and between them, and any order, show each message once', async t => {
  const own = letters(6)
  const [a, b, c, d, e, f] = own as [Envelope, Envelope, Envelope, Envelope, Envelope, Envelope]
  const pages: Record<number, Envelope[]> = { 0: [d, b, d], 10: [b, a, d, c], 20: [c, f, e, a] }
  const bad = await liar(t, after => {
    const envelopes = pages[after] ?? []
    return { envelopes, cursor: sequence(envelopes.length > 0 ? after + 10 : after), coverage: { more: after < 20 } }
  })
  const phone = await reader(t, [bad])
  const { texts: seen } = await untilCaughtUp(phone.mailbox.messages(NEWS), 2)
  assert.deepEqual([seen.length, [...seen].sort()], [6, texts(6)])
})

test('cursors that are none, that go back, or are of another archive in the middle of a walk are told of by type, and nothing is shown twice after', async t => {
  const own = letters(5)
  const cursors: Record<string, (after: number) => Uint8Array> = {
    short: () => new Uint8Array(3),
    back: after => sequence(after === 0 ? 5 : 1),
    another: after => (after === 0 ? sequence(5) : sequence(9, new Uint8Array(8).fill(6)))
  }
  for (const [name, cursor] of Object.entries(cursors)) {
    const bad = await liar(t, after => ({
      envelopes: after === 0 ? own.slice(0, 3) : own.slice(3),
      cursor: cursor(after)
    }))
    const { items, failed } = await beside(t, bad, own)
    assert.deepEqual([textsOf(items).sort(), failed], [texts(5), 'MisbehavingServerError'], name)
  }
})

test('messages that are dated ahead by a day are shown once, and hold up nothing that comes after', async t => {
  const ahead = letter('ahead', { sent: unixNow() + 86_400 })
  const all = [ahead, ...letters(2)]
  const bad = await liar(t, after => {
    const envelopes = all.slice(after, after + 1)
    return { envelopes, cursor: sequence(after + envelopes.length), coverage: { more: after < all.length } }
  })
  const phone = await reader(t, [bad])
  const { texts: seen } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  assert.deepEqual(seen, ['ahead', '0', '1'])
  await phone.stop()
  all.push(letter('later'))
  const again = await reader(t, [bad], { datastore: phone.datastore })
  assert.deepEqual((await untilCaughtUp(again.mailbox.messages(NEWS))).texts, ['later'])
})

test('coverage that speaks of the future, or contradicts itself, never makes a time that ends before it begins or has not come', async t => {
  const far = 2 ** 32 - 1
  const now = unixNow()
  const claims: Record<string, Partial<Coverage>> = {
    'pruned ahead': { oldest: far },
    'began ahead': { since: far },
    'gaps ahead': { gaps: [{ from: now + 86_400, until: far, kind: 0, count: 5 }] },
    'gaps for ever': { gaps: [{ from: 0, until: far, kind: 1, count: 0 }] },
    'gaps over each other': {
      gaps: [
        { from: 10, until: now, kind: 0, count: 0 },
        { from: now - 50, until: now - 40, kind: 2, count: 2 ** 47 },
        { from: now - 60, until: far, kind: 77, count: 0 }
      ]
    },
    'all at once': { oldest: far, since: far, gaps: [{ from: 0, until: far, kind: 3, count: 1 }] }
  }
  const own = letters(3)
  for (const [name, coverage] of Object.entries(claims)) {
    const bad = await liar(t, after => ({
      envelopes: after === 0 ? own : [],
      cursor: sequence(3),
      coverage: { more: false, sequence: sequence(3), ...coverage }
    }))
    const phone = await reader(t, [bad])
    const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: now - 86_400 }))
    assert.deepEqual(seen, texts(3), name)
    const [seam] = seams
    assert.equal(seam?.completeness, name === 'gaps ahead' ? 'complete' : 'irretrievable', name)
    for (const { from, until } of seam?.missing ?? []) {
      assert.ok(from <= until && from >= now - 86_400 && until <= unixNow() + 1, `${name}: ${from} to ${until}`)
    }
    await phone.stop()
  }
})

test('a server that claims for each part of a digest that it has more, and has not, is given up, and the seam comes', async t => {
  const honest = await mailhost(t)
  const own = letters(5)
  await honest.archive.append(own)
  let requests = 0
  let lies = 0
  const { libp2p } = await lyingServer(t, async line => {
    for (;;) {
      const request = await line.request()
      requests++
      const asked = opened(request)
      const { lower, upper } = asked
      const question = asked.extensions?.get(ExtensionKey.coverage)
      if (question === undefined) {
        await complete(line, { requestId: request.hash })
        return await line.stream.close()
      }
      // other ones each time, all over the range
      const step = Math.max(1, Math.floor((upper - lower) / 64))
      const digests = Array.from({ length: 64 }, (_, i) => ({
        lower: lower + i * step,
        upper: i === 63 ? upper : lower + (i + 1) * step - 1,
        count: 600 + (lies++ % 100),
        fingerprint: new Uint8Array(32).fill(lies % 256)
      })).filter(part => part.lower <= part.upper)
      const coverage: Coverage = { since: 0, oldest: 0, sequence: sequence(9), more: false, gaps: [] }
      const extensions: Extensions = new Map([[ExtensionKey.coverage, coverageItem({ coverage, digests })]])
      await complete(line, { requestId: request.hash, extensions })
      return await line.stream.close()
    }
  })
  const bad = { peer: libp2p.getMultiaddrs()[0] as never, requestKey: KEY }
  const phone = await reader(t, [honest, bad], { verified: true })
  // of those it has not a single one, so that it is not narrowed, and of those that it might have most
  for (const many of [
    letters(1),
    Array.from({ length: 400 }, (_, i) => letter('', { sent: unixNow() - 80_000 + i * 100 }))
  ]) {
    await honest.archive.append(many)
    requests = 0
    const { seams } = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: unixNow() - 86_400 }))
    assert.equal(seams[0]?.completeness, 'complete')
    const told = seams[0]?.servers.find(({ server }) => server.equals(libp2p.peerId))
    assert.ok((told?.withheld ?? 0) > 0)
    assert.equal(told?.error?.name, many.length > 1 ? 'ComparisonError' : undefined)
    assert.ok(requests < 400, `${requests} requests`)
  }
})

test('a server whose clock is a day off is told of with the reason, and costs nothing that another has', async t => {
  for (const off of [-86_400, 86_400]) {
    const now = (): number => unixNow() + off
    const honest = await mailhost(t)
    const own = letters(4)
    await honest.archive.append(own)
    const archive = await diskArchive(t)
    const skewed = await libp2pNode({
      services: {
        waku: waku({ pow: 0, now }),
        mailserver: mailserver({ password: PASSWORD, archive, now })
      }
    })
    t.after(() => skewed.stop())
    const phone = await reader(t, [skewed.getMultiaddrs()[0] as never, honest], { client: { retries: 0 } })
    const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
    assert.deepEqual([seen, seams[0]?.completeness], [texts(4), 'complete'])
    const told = seams[0]?.servers.find(({ server }) => server.equals(skewed.peerId))
    assert.deepEqual([told?.how, told?.error?.name], ['failed', 'RequestError'], `${off}`)
    // alone it is no empty mailbox either
    const alone = await reader(t, [skewed.getMultiaddrs()[0] as never], { client: { retries: 0 } })
    for await (const item of alone.mailbox.messages(NEWS)) {
      assert.equal(item.type, 'behind')
      if (item.type === 'behind')
        assert.ok(item.missing[0]?.why === 'refused' || item.missing[0]?.why === 'unreachable')
      break
    }
  }
})

test('what two servers send live, and again as history, is shown once', async t => {
  const [one, two] = await Promise.all([mailhost(t), mailhost(t)])
  const phone = await reader(t, [one, two])
  const writer = await reader(t, [one, two], { confirmations: 2 })
  const seen: string[] = []
  let waves = 0
  for await (const item of phone.mailbox.messages(NEWS)) {
    if (isMessage(item)) seen.push(item.text)
    if (item.type !== 'caughtUp') continue
    waves++
    // once both are reached
    if (waves === 3) {
      for (let i = 0; i < 5; i++) {
        const sent = await writer.mailbox.send({ topic: 'news', key: NEWS.key, payload: `${i}` })
        await sent.confirmed
      }
    }
    if (waves >= 3 && seen.length >= 5) break
  }
  assert.deepEqual([...seen].sort(), texts(5))
})
