import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Archive, DigestQuery, SequenceQuery } from '../../src/archive/archive.js'
import type { MailboxItem } from '../../src/index.js'
import { toHex } from '../../src/wire/bytes.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { Fingerprint } from '../../src/wire/request/fingerprint.js'
import { archiveWith } from '../helpers/archive-with.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { diskArchive } from '../mailserver/fixture.js'
import {
  AGE,
  isMessage,
  letter,
  letters,
  type Mailhost,
  mailhost,
  NEWS,
  type Reader,
  reader,
  textsOf,
  untilCaughtUp
} from './nodes.js'

const texts = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `${from + i}`)
const HOUR = 3600
const idOf = ({ libp2p }: Mailhost): string => libp2p.peerId.toString()

async function firstOf<T extends MailboxItem['type']>(
  items: AsyncIterable<MailboxItem>,
  type: T
): Promise<Extract<MailboxItem, { type: T }>> {
  for await (const item of items) if (item.type === type) return item as Extract<MailboxItem, { type: T }>
  throw new Error(`there was no ${type}`)
}

test('what a server says that it lacks is told once, with the reason, and is no end that looks complete', async t => {
  const server = await mailhost(t)
  const begin = unixNow() - 2 * HOUR
  await server.archive.append(letters(3, 0, begin))
  await server.archive.addGap({ from: begin + 10, until: begin + 20, kind: 0, count: 0 })
  await server.archive.addGap({ from: begin + 30, until: begin + 30, kind: 2, count: 4 })
  const phone = await reader(t, [server])
  const { seams } = await untilCaughtUp(phone.mailbox.messages(NEWS), 2)
  assert.deepEqual(
    seams.map(({ completeness, missing }) => [completeness, missing]),
    [
      [
        'irretrievable',
        [
          { why: 'down', from: begin + 10, until: begin + 20 },
          { why: 'damaged', from: begin + 30, until: begin + 30, count: 4 }
        ]
      ],
      ['complete', []]
    ]
  )
})

test('what is older than a server keeps is missing when it was asked for, and not when all there is was', async t => {
  const server = await mailhost(t)
  const begin = unixNow() - 2 * HOUR
  await server.archive.append(letters(10, 0, begin))
  await server.archive.prune(begin + 5)
  const phone = await reader(t, [server])
  const named = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: begin, reader: 'named' }))
  assert.deepEqual(named.texts, texts(5, 5))
  assert.deepEqual(named.seams[0]?.missing, [{ why: 'pruned', from: begin, until: begin + 4 }])
  const open = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, reader: 'open' }))
  assert.equal(open.seams[0]?.completeness, 'complete')
  // it had read what is pruned now
  await server.archive.prune(begin + 8)
  const later = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: begin, reader: 'named' }))
  assert.deepEqual(later.seams[0]?.missing, [])
})

test('what is older than the archive of a server is missing', async t => {
  const server = await mailhost(t)
  const phone = await reader(t, [server])
  const { since } = await server.archive.coverage({ lower: 0, upper: 1 })
  const { seams } = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: since - 10 }))
  assert.deepEqual(seams[0]?.missing, [{ why: 'not-begun', from: since - 10, until: since - 1 }])
})

test('what one server lacks is fetched from another one that was there', async t => {
  const [down, up] = await Promise.all([mailhost(t), mailhost(t)])
  const all = letters(20)
  const [from, until] = [all[5]?.sent as number, all[9]?.sent as number]
  await down.archive.append(all.filter(({ sent }) => sent < from || sent > until))
  await down.archive.addGap({ from, until, kind: 0, count: 0 })
  await up.archive.append(all)
  const phone = await reader(t, [down, up])
  const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  assert.deepEqual(
    [...seen].sort((a, b) => Number(a) - Number(b)),
    texts(20)
  )
  assert.deepEqual([seams[0]?.completeness, seams[0]?.missing], ['complete', []])
  assert.deepEqual(
    seams[0]?.servers.map(({ server, how }) => [server.toString(), how]),
    [
      [idOf(down), 'read'],
      [idOf(up), 'compared']
    ]
  )
  // beside what is missing nothing is fetched twice
  assert.equal(up.libp2p.services.mailserver.counts.envelopes_delivered, 5)
})

test('a server that goes in the middle of a walk is taken over from by the next, without loss, repeats, or fetching it all again', async t => {
  // some fifty to a page: few of them are ahead of the one that is looked at
  const [first, second] = await Promise.all([mailhost(t, { pageBytes: 32_768 }), mailhost(t)])
  const all = letters(1200)
  await Promise.all([first.archive.append(all), second.archive.append(all)])
  const phone = await reader(t, [first, second], { client: { windowPages: 1 } })
  const items: MailboxItem[] = []
  for await (const item of phone.mailbox.messages(NEWS)) {
    items.push(item)
    if (items.length === 500) await first.libp2p.stop()
    if (item.type === 'caughtUp') {
      assert.deepEqual(
        item.servers.map(({ server, how }) => [server.toString(), how]),
        [
          [idOf(first), 'failed'],
          [idOf(second), 'read']
        ]
      )
      assert.equal(item.completeness, 'complete')
      break
    }
  }
  const seen = textsOf(items).map(Number)
  assert.deepEqual([seen.length, new Set(seen).size], [1200, 1200])
  const again = second.libp2p.services.mailserver.counts.envelopes_delivered as number
  assert.ok(again < 1000, `${again} of 1200 were fetched from the second`)
})

test('a wrong password is no empty mailbox: it is refused, with the error', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const phone = await reader(t, [server], { password: 'another one' })
  const behind = await firstOf(phone.mailbox.messages(NEWS), 'behind')
  assert.deepEqual([behind.completeness, behind.missing.map(({ why }) => why)], ['irretrievable', ['refused']])
  const { error } = behind.servers[0] ?? {}
  assert.deepEqual([error?.name, (error as { code?: number }).code], ['RequestError', 2])
})

test('a server that cannot be reached is said to be so, and is read once it is there', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const before = await mailhost(t, { privateKey })
  await before.archive.append(letters(3))
  await before.libp2p.stop()
  const phone = await reader(t, [before], { client: { retries: 0 } })
  const items: MailboxItem[] = []
  for await (const item of phone.mailbox.messages(NEWS)) {
    items.push(item)
    if (item.type === 'behind' && items.length === 1) {
      assert.deepEqual([item.completeness, item.missing[0]?.why], ['fetching', 'unreachable'])
      await mailhost(t, {
        privateKey,
        archive: before.archive,
        listen: before.address.toString().split('/p2p/')[0] as string
      })
    }
    if (item.type === 'caughtUp') break
  }
  assert.deepEqual(textsOf(items), texts(3))
})

test('a walk that breaks off says how much is missing, and goes on where it was once the server is back', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const server = await mailhost(t, { privateKey, pageBytes: 32_768 })
  const others = Array.from({ length: 700 }, (_, i) => letter(`${i}`, { sent: unixNow() - 7200 + i, topic: 'another' }))
  await server.archive.append(letters(1200))
  await server.archive.append(others)
  const phone = await reader(t, [server], { client: { retries: 0, reconnectTimeout: 0 } })
  const counted = countOf(phone)
  const items: MailboxItem[] = []
  let back: Mailhost | undefined
  for await (const item of phone.mailbox.messages(NEWS)) {
    items.push(item)
    if (items.length === 500) {
      await counted
      await server.libp2p.stop()
    }
    if (item.type === 'behind' && back === undefined) {
      const [missing] = item.missing
      // just those, as the digest counts them: not what there is of other topics
      const left = 1200 - item.messages
      assert.deepEqual(
        [item.completeness, missing?.why, missing?.count, missing?.atMost],
        ['fetching', 'unreachable', left, left]
      )
      const listen = server.address.toString().split('/p2p/')[0] as string
      back = await mailhost(t, { privateKey, archive: server.archive, listen })
    }
    if (item.type === 'caughtUp') break
  }
  assert.deepEqual(textsOf(items), texts(1200))
  const again = back?.libp2p.services.mailserver.counts.envelopes_delivered as number
  assert.ok(again > 0 && again < 750, `${again} of 1200 came from where it was`)
})

/** Resolves when a server said how many there are. */
function countOf({ libp2p }: Reader): Promise<void> {
  const { mailclient } = libp2p.services
  const digest = mailclient.digest.bind(mailclient)
  return new Promise(resolve => {
    mailclient.digest = async query => {
      const answer = await digest(query)
      // whoever asked has it first
      setImmediate(resolve)
      return answer
    }
  })
}

test('a walk that breaks off before anybody counted says how much is missing at most', async t => {
  const server = await mailhost(t, { pageBytes: 32_768 })
  await server.archive.append(letters(1200))
  const phone = await reader(t, [server], { client: { retries: 0, reconnectTimeout: 0 } })
  phone.libp2p.services.mailclient.digest = async () => {
    throw new Error('no digests')
  }
  let seen = 0
  for await (const item of phone.mailbox.messages(NEWS)) {
    if (isMessage(item) && ++seen === 500) await server.libp2p.stop()
    if (item.type !== 'behind') continue
    assert.deepEqual([item.missing[0]?.count, item.missing[0]?.atMost], [undefined, 1200 - seen])
    break
  }
})

test('a server that has another archive now is read again, and shows nothing twice', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const before = await mailhost(t, { privateKey })
  const all = letters(10)
  await before.archive.append(all.slice(0, 8))
  const phone = await reader(t, [before])
  assert.deepEqual((await untilCaughtUp(phone.mailbox.messages(NEWS))).texts, texts(8))
  await Promise.all([phone.stop(), before.libp2p.stop()])
  const archive = await diskArchive(t, { now: () => unixNow() - AGE })
  await archive.append([...all].reverse())
  const after = await mailhost(t, { privateKey, archive })
  const again = await reader(t, [after], { datastore: phone.datastore })
  const { texts: seen, seams } = await untilCaughtUp(again.mailbox.messages(NEWS))
  assert.deepEqual([seen.sort(), seams[0]?.completeness], [texts(2, 8), 'complete'])
  // from here it goes on in the order of the new archive
  await archive.append(letters(1, 10))
  assert.deepEqual((await untilCaughtUp(again.mailbox.messages(NEWS))).texts, ['10'])
})

test('clocks that jump lose nothing', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  let phone = await reader(t, [server], { now: () => unixNow() + 40 * 86_400 })
  // by a clock that far ahead the default reaches 30 days back from there
  assert.deepEqual(
    (await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: unixNow() - 86_400 }))).texts,
    texts(3)
  )
  await server.archive.append(letters(3, 3))
  await phone.stop()
  phone = await reader(t, [server], {
    datastore: phone.datastore,
    now: () => unixNow() - 40 * 86_400,
    client: { now: unixNow }
  })
  assert.deepEqual(
    (await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: unixNow() - 86_400 }))).texts,
    texts(3, 3)
  )
})

/** How many digests were asked for, and what they were asked of. */
function digestsOf(phone: Awaited<ReturnType<typeof reader>>): string[] {
  const asked: string[] = []
  const { mailclient } = phone.libp2p.services
  const digest = mailclient.digest.bind(mailclient)
  mailclient.digest = async query => {
    // by itself the number of what there is says nothing of anybody
    if (query.parts !== undefined) asked.push(String(query.server))
    return await digest(query)
  }
  return asked
}

test('a server that hides one envelope of many is named, and only what differs is fetched', async t => {
  const [hiding, honest] = await Promise.all([mailhost(t), mailhost(t)])
  const topic = letters(1)[0]?.topic as Uint8Array
  const sent = unixNow() - 5 * HOUR
  const all = Array.from({ length: 20_000 }, (_, i) =>
    newEnvelope({ sent: sent + Math.floor(i / 2), topic, data: new Uint8Array(40) })
  )
  const hidden = letters(1, 0, sent + 5000)
  await Promise.all([hiding.archive.append(all), honest.archive.append([...all, ...hidden])])
  const phone = await reader(t, [hiding, honest], { verified: true })
  const asked = digestsOf(phone)
  const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  assert.deepEqual(seen, ['0'])
  assert.deepEqual(seams[0]?.leftOut, [
    { server: hiding.libp2p.peerId, evidence: 'others', count: 1, hashes: [hidden[0]?.hashHex] }
  ])
  assert.equal(seams[0]?.completeness, 'complete')
  assert.ok(asked.length <= 6, `${asked.length} digests`)
  assert.ok((honest.libp2p.services.mailserver.counts.envelopes_delivered as number) <= 512)
  // the other one is asked first from now on
  await honest.archive.append(letters(1, 1))
  const { items } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  assert.equal(items.find(isMessage)?.peer?.toString(), idOf(honest))
})

test('servers that have the same agree by one digest each', async t => {
  const servers = await Promise.all([mailhost(t), mailhost(t), mailhost(t)])
  const all = letters(600)
  await Promise.all(servers.map(({ archive }) => archive.append(all)))
  const phone = await reader(t, servers)
  const asked = digestsOf(phone)
  const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, verified: true }))
  assert.deepEqual([seen.length, asked.length, seams[0]?.leftOut], [600, 3, []])
  assert.deepEqual(
    seams[0]?.servers.map(({ how }) => how),
    ['compared', 'compared', 'compared']
  )
})

test('what a server lacks since it was down is explained, and is no reproach', async t => {
  const [there, away] = await Promise.all([mailhost(t), mailhost(t)])
  const all = letters(300)
  const [from, until] = [all[100]?.sent as number, all[109]?.sent as number]
  await there.archive.append(all)
  await away.archive.append(all.filter(({ sent }) => sent < from || sent > until))
  await away.archive.addGap({ from, until, kind: 0, count: 0 })
  const phone = await reader(t, [there, away], { verified: true })
  const { seams } = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, since: all[0]?.sent as number }))
  const [left] = seams[0]?.leftOut ?? []
  assert.deepEqual([left?.server.toString(), left?.count, left?.explained], [idOf(away), 10, 'down'])
})

/** An archive that keeps one envelope from whoever reads it in ingest order, or from its digests. */
function hidingFrom(archive: Archive, way: 'sequence' | 'digest', hidden: Envelope, sent: Envelope[]): Archive {
  const hashHex = hidden.hashHex
  async function* sequence(query: SequenceQuery): ReturnType<Archive['sequence']> {
    const reading = archive.sequence(query)
    for (;;) {
      const step = await reading.next()
      if (step.done === true) return step.value
      yield step.value.filter(({ hash }) => toHex(hash) !== hashHex)
    }
  }
  async function* digest(query: DigestQuery): ReturnType<Archive['digest']> {
    const reading = archive.digest(query)
    for (;;) {
      const step = await reading.next()
      if (step.done !== true) {
        yield
        continue
      }
      return step.value.map(part => {
        const rest = sent.filter(one => one !== hidden && one.sent >= part.lower && one.sent <= part.upper)
        const sum = new Fingerprint(query.salt)
        for (const { hash } of rest) sum.add(hash)
        const { hashes, fingerprint, ...bounds } = part
        const listed = hashes && { hashes: hashes.filter(hash => toHex(hash) !== hashHex) }
        return { ...bounds, count: rest.length, ...(listed ?? { fingerprint: sum.bytes }) }
      })
    }
  }
  return archiveWith(archive, way === 'sequence' ? { sequence: { value: sequence } } : { digest: { value: digest } })
}

test('a server is accused by its own word: what its digest has and it did not deliver, and what it delivered and its digest has not', async t => {
  for (const way of ['sequence', 'digest'] as const) {
    const honest = await mailhost(t)
    const sent = letters(40)
    const hidden = sent[20] as Envelope
    const archive = await diskArchive(t, { now: () => unixNow() - AGE })
    const liar = await mailhost(t, { archive: hidingFrom(archive, way, hidden, sent) })
    await archive.append(sent)
    // nobody else has it
    await honest.archive.append(sent.filter(envelope => envelope !== hidden))
    const phone = await reader(t, [liar, honest])
    const first = await untilCaughtUp(phone.mailbox.messages(NEWS))
    assert.equal(first.items.find(isMessage)?.peer?.toString(), idOf(liar))
    const { texts: more, seams } = await untilCaughtUp(phone.mailbox.messages({ ...NEWS, verified: true }))
    assert.deepEqual([...first.texts, ...more].sort(), texts(40).sort(), way)
    const evidence = way === 'sequence' ? 'own-digest' : 'own-walk'
    assert.deepEqual(
      seams[0]?.leftOut.filter(({ server }) => server.equals(liar.libp2p.peerId)),
      [{ server: liar.libp2p.peerId, evidence, count: 1, hashes: [hidden.hashHex] }]
    )
  }
})

test('what a server archived between its walk and its digest is no reproach', async t => {
  const [one, two] = await Promise.all([mailhost(t), mailhost(t)])
  const [before, late] = [letters(5), letters(1, 5)]
  await Promise.all([one, two].map(({ archive }) => archive.append(before)))
  const phone = await reader(t, [one, two], { verified: true })
  await untilCaughtUp(phone.mailbox.messages(NEWS))
  // it comes after the first was read, and before it is compared
  const { mailclient } = phone.libp2p.services
  const digest = mailclient.digest.bind(mailclient)
  mailclient.digest = async query => {
    await Promise.all([one, two].map(({ archive }) => archive.append(late)))
    return await digest(query)
  }
  const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  assert.deepEqual([seen, seams[0]?.leftOut], [['5'], []])
})

test('a server whose count is less than what it delivers is told of, by number', async t => {
  const [honest, liar] = await Promise.all([mailhost(t), mailhost(t)])
  const sent = letters(600)
  await liar.archive.append(sent)
  await honest.archive.append(sent.slice(0, 300))
  const archive = archiveWith(liar.archive, {
    digest: {
      value: async function* (query: DigestQuery): ReturnType<Archive['digest']> {
        const reading = liar.archive.digest(query)
        for (;;) {
          const step = await reading.next()
          if (step.done === true) {
            return step.value.map(({ hashes: _, ...part }) => ({
              ...part,
              count: Math.min(part.count, 3),
              fingerprint: new Uint8Array(32)
            }))
          }
          yield
        }
      }
    }
  })
  const counting = await mailhost(t, { archive })
  const phone = await reader(t, [honest, counting], { verified: true })
  const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  assert.equal(seen.length, 600)
  const [told] =
    seams[0]?.leftOut.filter(({ server, hashes }) => server.equals(counting.libp2p.peerId) && hashes.length === 0) ?? []
  assert.equal(told?.evidence, 'own-walk')
  assert.ok((told?.count ?? 0) > 300, `${told?.count}`)
})
