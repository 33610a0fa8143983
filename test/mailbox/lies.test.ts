import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { MailboxServer } from '../../src/index.js'
import type { MailClientInit } from '../../src/mailclient/settings.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { type Coverage, type CoverageAnswer, coverageItem } from '../../src/wire/request/coverage.js'
import type { DigestPart } from '../../src/wire/request/digest.js'
import { ExtensionKey } from '../../src/wire/request/extension.js'
import type { HistoryRequest } from '../../src/wire/request/history-request.js'
import { decodeItem, encodeString } from '../../src/wire/rlp.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { complete, deliver, honest, NO_HASH, opened } from '../libp2p/lying-server.js'
import { lyingServer, type ScriptedLine } from '../libp2p/mail-nodes.js'
import { KEY } from '../mailserver/request-maker.js'
import { letters, mailhost, NEWS, reader, untilCaughtUp } from './nodes.js'

const coverage: Coverage = { since: 0, oldest: 0, sequence: new Uint8Array(16), more: false, gaps: [] }
const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`)

type Answer = (line: ScriptedLine, request: Envelope, asked: HistoryRequest) => Promise<void>

/** A server that answers each request so. */
async function scripted(t: TestContext, answer: Answer): Promise<MailboxServer & { id: string }> {
  const { libp2p } = await lyingServer(t, async line => {
    for (;;) {
      const request = await line.request()
      await answer(line, request, opened(request))
    }
  })
  const peer = libp2p.getMultiaddrs()[0]
  assert.ok(peer !== undefined)
  return { peer, requestKey: KEY, id: libp2p.peerId.toString() }
}

const covered = (answer: CoverageAnswer): Map<number, ReturnType<typeof decodeItem>> =>
  new Map([
    [ExtensionKey.sequence, decodeItem(encodeString(coverage.sequence))],
    [ExtensionKey.coverage, coverageItem(answer)]
  ])

/** Whole range in one part. */
const part = (asked: HistoryRequest, fields: Partial<DigestPart>): DigestPart => ({
  lower: asked.lower,
  upper: asked.upper,
  count: 0,
  hashes: [],
  ...fields
})

const asksDigest = ({ extensions }: HistoryRequest): boolean =>
  extensions?.has(ExtensionKey.coverage) === true && !extensions.has(ExtensionKey.sequence)

test('a legacy server says nothing of what it lacks, and that is said', async t => {
  const sent = letters(3)
  const legacy = await scripted(t, (line, request) => honest(line, request, sent))
  const phone = await reader(t, [legacy])
  const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS), 2)
  assert.deepEqual(seen, texts(3))
  assert.deepEqual(
    seams.map(({ completeness }) => completeness),
    ['unknown', 'unknown']
  )
})

test('a server that claims to have what it does not deliver is told of, and nothing of that is taken for missing', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const claims: Record<string, (asked: HistoryRequest) => DigestPart> = {
    hashes: asked => part(asked, { count: 2, hashes: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] }),
    count: asked => part(asked, { count: 900, hashes: undefined, fingerprint: new Uint8Array(32).fill(3) })
  }
  for (const [name, claim] of Object.entries(claims)) {
    const liar = await scripted(t, async (line, request, asked) => {
      if (asksDigest(asked)) {
        const answer = { coverage, digests: [claim(asked)] }
        await complete(line, { requestId: request.hash, extensions: covered(answer) })
      } else await complete(line, { requestId: request.hash, lastHash: NO_HASH })
    })
    const phone = await reader(t, [server, liar], { verified: true })
    const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
    assert.deepEqual([seen, seams[0]?.completeness], [texts(3), 'complete'], name)
    const [, told] = seams[0]?.servers ?? []
    const compared = seams[0]?.servers.find(({ server: peer }) => peer.toString() === liar.id)
    assert.deepEqual(
      [compared?.how, compared?.withheld],
      ['compared', name === 'hashes' ? 2 : 900],
      `${name} ${told?.how}`
    )
  }
})

test('a server that answers with digests and envelopes of other topics shows nothing of them', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const others = [newEnvelope({ sent: unixNow() - 3600 })]
  const liar = await scripted(t, async (line, request, asked) => {
    if (asksDigest(asked)) {
      const digests = [part(asked, { count: 1, hashes: others.map(({ hash }) => hash) })]
      await complete(line, { requestId: request.hash, extensions: covered({ coverage, digests }) })
    } else {
      await deliver(line, others)
      await complete(line, { requestId: request.hash, lastHash: others[0]?.hash ?? NO_HASH })
    }
  })
  const phone = await reader(t, [server, liar], { verified: true })
  const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
  assert.deepEqual(seen, texts(3))
  const told = seams[0]?.servers.find(({ server: peer }) => peer.toString() === liar.id)
  assert.equal(told?.withheld, 1)
  const left = seams[0]?.leftOut.find(({ server: peer }) => peer.toString() === liar.id)
  assert.equal(left?.count, 3, 'it has nothing of ours either')
})

const TIMEOUTS: Record<string, MailClientInit> = { silent: { firstTimeout: 2000 }, slow: { pageTimeout: 3000 } }

test('silent, slow and broken servers are told of, and hold up neither the messages nor the seam', async t => {
  const server = await mailhost(t)
  await server.archive.append(letters(3))
  const scripts: Record<string, [Answer, string[]]> = {
    silent: [() => new Promise(() => {}), ['HistoryTimeoutError']],
    // something with each packet, and never an end
    slow: [
      async line => {
        for (const envelope of letters(1000)) {
          await deliver(line, [envelope])
          await setTimeout(200)
        }
      },
      ['HistoryTimeoutError']
    ],
    resets: [async line => line.reset(), ['StreamRefusedError', 'LineBrokenError']],
    malformed: [
      async (line, request) => {
        const extensions = new Map([[ExtensionKey.coverage, decodeItem(Uint8Array.of(0xc2, 1, 2))]])
        await complete(line, { requestId: request.hash, extensions })
      },
      ['MisbehavingServerError']
    ]
  }
  for (const [name, [answer, error]] of Object.entries(scripts)) {
    const bad = await scripted(t, answer)
    // in either place
    for (const order of [
      [server, bad],
      [bad, server]
    ]) {
      const phone = await reader(t, order, { verified: true, client: TIMEOUTS[name] ?? {} })
      const { texts: seen, seams } = await untilCaughtUp(phone.mailbox.messages(NEWS))
      assert.deepEqual([seen, seams[0]?.completeness], [texts(3), 'complete'], name)
      const told = seams[0]?.servers.find(({ server: peer }) => peer.toString() === bad.id)
      assert.ok(told?.how === 'failed' && error.includes(told.error?.name ?? ''), `${name}: ${told?.error?.name}`)
    }
  }
})
