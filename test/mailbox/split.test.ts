import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { MailboxItem, MessagesQuery } from '../../src/index.js'
import { toHex } from '../../src/wire/bytes.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { unixNow } from '../helpers/envelopes.js'
import { diskArchive } from '../mailserver/fixture.js'
import {
  AGE,
  letter,
  type Mailhost,
  MESSAGE_KEY,
  mailhost,
  type Reader,
  reader,
  textsOf,
  untilCaughtUp
} from './nodes.js'

const NAMES = Array.from({ length: 6 }, (_, i) => `topic ${i}`)
const QUERY: MessagesQuery = { topics: NAMES, key: MESSAGE_KEY }
const idOf = ({ libp2p }: Mailhost): string => libp2p.peerId.toString()

const begin = unixNow() - 7200
/** Three on each topic. */
const LETTERS = Array.from({ length: 18 }, (_, i) => letter(`${i}`, { sent: begin + i, topic: NAMES[i % 6] as string }))
const everyText = Array.from({ length: 18 }, (_, i) => `${i}`)

const inOrder = (texts: readonly string[]): string[] => [...texts].sort((a, b) => Number(a) - Number(b))

/** Names of the wanted topics that each server was asked for, in whatever way, and how many others. */
function askedOf({ libp2p }: Reader): Map<string, { wanted: Set<string>; others: Set<string> }> {
  const names = new Map(NAMES.map(name => [toHex(topicFromName(name)), name]))
  const asked = new Map<string, { wanted: Set<string>; others: Set<string> }>()
  const note = ({ server, topics }: { server: unknown; topics?: Uint8Array[] | undefined }): void => {
    const id = String(server).split('/p2p/').at(-1) as string
    const known = asked.get(id) ?? { wanted: new Set(), others: new Set() }
    asked.set(id, known)
    for (const topic of topics ?? []) {
      const name = names.get(toHex(topic))
      if (name === undefined) known.others.add(toHex(topic))
      else known.wanted.add(name)
    }
  }
  const { mailclient } = libp2p.services
  const [history, digest] = [mailclient.history.bind(mailclient), mailclient.digest.bind(mailclient)]
  mailclient.history = query => {
    note(query)
    return history(query)
  }
  mailclient.digest = async query => {
    note(query)
    return await digest(query)
  }
  return asked
}

const wantedOf = (asked: ReturnType<typeof askedOf>, server: Mailhost): string[] =>
  [...(asked.get(idOf(server))?.wanted ?? [])].sort()

/** Servers that have all letters. */
async function fullHosts(t: TestContext, count: number): Promise<Mailhost[]> {
  const hosts = await Promise.all(Array.from({ length: count }, () => mailhost(t)))
  await Promise.all(hosts.map(({ archive }) => archive.append(LETTERS)))
  return hosts
}

test('topics are split over servers: each knows its part alone, the same one in the next run, and how much it knows is told', async t => {
  const [one, two] = (await fullHosts(t, 2)) as [Mailhost, Mailhost]
  const phone = await reader(t, [one, two])
  const asked = askedOf(phone)
  const { texts, seams } = await untilCaughtUp(phone.mailbox.messages({ ...QUERY, split: 'stay', widen: 9 }), 2)
  assert.deepEqual(inOrder(texts), everyText)
  assert.equal(seams[0]?.completeness, 'complete')
  const parts = [wantedOf(asked, one), wantedOf(asked, two)]
  assert.deepEqual(
    parts.map(({ length }) => length),
    [3, 3]
  )
  assert.deepEqual(parts.flat().sort(), NAMES)
  // what hides them is not the same at both: in common they would be seen to hide
  const others = [one, two].map(host => [...(asked.get(idOf(host))?.others ?? [])])
  assert.deepEqual([others[0]?.length, others[1]?.length, new Set(others.flat()).size], [9, 9, 18])
  for (const seam of seams) {
    assert.deepEqual(
      new Map(seam.anonymity?.map(({ server, ...rest }) => [server.toString(), rest])),
      new Map([one, two].map(host => [idOf(host), { asked: 12, wanted: 3, of: 6, chance: 0.25, bits: 7.78 }]))
    )
  }
  await phone.stop()
  const again = await reader(t, [two, one], { datastore: phone.datastore })
  const askedAgain = askedOf(again)
  const later = await untilCaughtUp(again.mailbox.messages({ ...QUERY, split: 'stay' }))
  assert.deepEqual([wantedOf(askedAgain, one), wantedOf(askedAgain, two)], parts)
  assert.deepEqual(
    later.seams[0]?.anonymity?.map(({ asked: count, wanted, of, chance, bits }) => [count, wanted, of, chance, bits]),
    [
      [3, 3, 6, 1, 0],
      [3, 3, 6, 1, 0]
    ]
  )
})

test('the topics of a server that cannot be read stay missing with the reason, no other server hears of them, and they come once it is back', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const there = await mailhost(t)
  const away = await mailhost(t, { privateKey })
  await Promise.all([there, away].map(({ archive }) => archive.append(LETTERS)))
  await away.libp2p.stop()
  const phone = await reader(t, [there, away], { client: { retries: 0 } })
  const asked = askedOf(phone)
  const items: MailboxItem[] = []
  let back = false
  for await (const item of phone.mailbox.messages({ ...QUERY, split: 'stay' })) {
    items.push(item)
    if (item.type === 'behind' && !back) {
      back = true
      const parts = [wantedOf(asked, there), wantedOf(asked, away)]
      assert.deepEqual(
        parts.map(({ length }) => length),
        [3, 3]
      )
      assert.equal(textsOf(items).length, 9)
      const [missing] = item.missing
      assert.deepEqual(
        [item.completeness, item.missing.length, missing?.why, missing?.topics?.sort()],
        ['fetching', 1, 'unreachable', parts[1]]
      )
      const [failed] = item.servers
      assert.deepEqual(
        [failed?.server.toString(), failed?.how, failed?.topics?.sort()],
        [idOf(away), 'failed', parts[1]]
      )
      const listen = away.address.toString().split('/p2p/')[0] as string
      await mailhost(t, { privateKey, archive: away.archive, listen })
    }
    if (item.type === 'caughtUp') {
      assert.equal(item.completeness, 'complete')
      break
    }
  }
  assert.ok(back)
  assert.deepEqual(inOrder(textsOf(items)), everyText)
  assert.equal(wantedOf(asked, there).length, 3, 'it was asked for nothing else')
})

test('where they may move, the topics of a server that cannot be read are asked of another one, and what it knows then is told', async t => {
  const [there, away] = (await fullHosts(t, 2)) as [Mailhost, Mailhost]
  await away.libp2p.stop()
  const phone = await reader(t, [there, away], { client: { retries: 0 } })
  const asked = askedOf(phone)
  const { texts, seams } = await untilCaughtUp(phone.mailbox.messages({ ...QUERY, split: 'move' }))
  assert.deepEqual([inOrder(texts), seams[0]?.completeness], [everyText, 'complete'])
  assert.deepEqual(wantedOf(asked, there), NAMES)
  const known = seams[0]?.anonymity?.find(({ server }) => server.equals(there.libp2p.peerId))
  assert.deepEqual([known?.asked, known?.wanted, known?.of, known?.bits], [6, 6, 6, 0])
})

test('what a server says that it lacks stays missing, for its topics by name, or is fetched from another one where topics may move', async t => {
  const [one, two] = (await fullHosts(t, 2)) as [Mailhost, Mailhost]
  await Promise.all(
    [one, two].map(({ archive }) => archive.addGap({ from: begin - 900, until: begin - 890, kind: 0, count: 0 }))
  )
  const phone = await reader(t, [one, two])
  const asked = askedOf(phone)
  const { seams } = await untilCaughtUp(phone.mailbox.messages({ ...QUERY, split: 'stay', reader: 'stay' }))
  assert.equal(seams[0]?.completeness, 'irretrievable')
  assert.deepEqual(
    seams[0]?.missing.map(({ why, topics }) => [why, topics?.length]),
    [
      ['down', 3],
      ['down', 3]
    ]
  )
  assert.deepEqual(seams[0]?.missing.flatMap(({ topics }) => topics ?? []).sort(), NAMES)
  assert.deepEqual([wantedOf(asked, one).length, wantedOf(asked, two).length], [3, 3])
  await untilCaughtUp(phone.mailbox.messages({ ...QUERY, split: 'move', reader: 'move' }))
  assert.deepEqual([wantedOf(asked, one), wantedOf(asked, two)], [NAMES, NAMES])
})

test('compared and split, each topic is known to two servers of three: one that hides something is named, and the third never asked', async t => {
  const honest = await fullHosts(t, 2)
  const archive = await diskArchive(t, { now: () => unixNow() - AGE })
  const hiding = await mailhost(t, { archive })
  // one of each topic is not there
  await archive.append(LETTERS.slice(6))
  const phone = await reader(t, [...honest, hiding], { verified: true })
  const asked = askedOf(phone)
  const { texts, seams } = await untilCaughtUp(phone.mailbox.messages({ ...QUERY, split: 'stay' }))
  assert.deepEqual(inOrder(texts), everyText)
  const parts = [...honest, hiding].map(host => wantedOf(asked, host))
  assert.ok(
    parts.every(({ length }) => length < NAMES.length),
    'nobody knows all'
  )
  for (const name of NAMES) assert.equal(parts.filter(part => part.includes(name)).length, 2)
  const accused = seams[0]?.leftOut ?? []
  assert.ok(accused.every(({ server, evidence }) => server.equals(hiding.libp2p.peerId) && evidence === 'others'))
  // of the topics that it was asked for
  assert.equal(
    accused.reduce((sum, { count }) => sum + count, 0),
    parts[2]?.length
  )
})

test('compared and split, a server that fails is told of for its topics, and nobody is asked in its place', async t => {
  const [one, two, away] = (await fullHosts(t, 3)) as [Mailhost, Mailhost, Mailhost]
  await away.libp2p.stop()
  const phone = await reader(t, [one, two, away], { verified: true, client: { retries: 0 } })
  const asked = askedOf(phone)
  const { texts, seams } = await untilCaughtUp(phone.mailbox.messages({ ...QUERY, split: 'stay' }))
  // one of the two that know each topic is there
  assert.deepEqual([inOrder(texts), seams[0]?.completeness], [everyText, 'complete'])
  assert.ok([one, two].every(host => wantedOf(asked, host).length < NAMES.length))
  const failed = seams[0]?.servers.filter(({ how }) => how === 'failed') ?? []
  assert.ok(failed.every(({ server }) => server.equals(away.libp2p.peerId)))
  assert.deepEqual(failed.flatMap(({ topics }) => topics ?? []).sort(), wantedOf(asked, away))
})

test('a gap is told by the seam, also when it was found while another server could not be read', async t => {
  const privateKey = await generateKeyPair('secp256k1')
  const there = await mailhost(t)
  const away = await mailhost(t, { privateKey })
  await Promise.all([there, away].map(({ archive }) => archive.append(LETTERS)))
  await there.archive.addGap({ from: begin - 900, until: begin - 890, kind: 0, count: 0 })
  await away.libp2p.stop()
  const phone = await reader(t, [there, away], { client: { retries: 0 } })
  let attempts = 0
  for await (const item of phone.mailbox.messages({ ...QUERY, split: 'stay' })) {
    if (item.type === 'behind') {
      assert.deepEqual(
        item.missing.map(({ why }) => why),
        ['unreachable', 'down']
      )
      if (attempts++ === 1) {
        const listen = away.address.toString().split('/p2p/')[0] as string
        await mailhost(t, { privateKey, archive: away.archive, listen })
      }
    }
    if (item.type !== 'caughtUp') continue
    assert.deepEqual([item.completeness, item.missing.map(({ why }) => why)], ['irretrievable', ['down']])
    break
  }
  assert.ok(attempts >= 2)
})

test('topics that cannot be hidden are not said to be', async t => {
  const [one, two] = (await fullHosts(t, 2)) as [Mailhost, Mailhost]
  const both = await reader(t, [one, two])
  const alone = await reader(t, [one])
  const choosy = await reader(t, [one, two], { waku: { topics: [topicFromName('topic 0')] } })
  const cases: [Reader, MessagesQuery, RegExp][] = [
    [both, { ...QUERY, split: true as never }, /'stay' or 'move'/],
    [alone, { ...QUERY, split: 'move' }, /2 servers or more/],
    [both, { ...QUERY, split: 'stay', verified: true }, /3 servers or more/],
    [choosy, { ...QUERY, split: 'stay' }, /announces/],
    [choosy, { ...QUERY, widen: 9 }, /announces/]
  ]
  for (const [{ mailbox }, query, message] of cases) {
    await assert.rejects(mailbox.messages(query).next(), { name: 'MessagesQueryError', message })
  }
})

test('a reader that splits topics after it did not, or the other way round, is shown nothing twice', async t => {
  const [one, two] = (await fullHosts(t, 2)) as [Mailhost, Mailhost]
  const phone = await reader(t, [one, two])
  assert.deepEqual(inOrder((await untilCaughtUp(phone.mailbox.messages(QUERY))).texts), everyText)
  const fresh = letter('new', { topic: 'topic 2' })
  await Promise.all([one, two].map(({ archive }) => archive.append([fresh])))
  assert.deepEqual((await untilCaughtUp(phone.mailbox.messages({ ...QUERY, split: 'stay' }))).texts, ['new'])
  const newer = letter('newer', { topic: 'topic 3' })
  await Promise.all([one, two].map(({ archive }) => archive.append([newer])))
  assert.deepEqual((await untilCaughtUp(phone.mailbox.messages(QUERY))).texts, ['newer'])
})
