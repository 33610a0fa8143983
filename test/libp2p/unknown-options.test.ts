import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDatastore } from 'datastore-core'
import { DatastoreArchive, mailbox, mailclient, mailserver, waku } from '../../src/index.js'
import { Keyring } from '../../src/mailserver/keyring.js'
import { openDatabase } from '../../src/node/index.js'
import { TrustList } from '../../src/trust/trust-list.js'
import { silentLogger } from '../helpers/logger.js'
import { tempDir } from '../node/temp-dir.js'

const PEER = '12D3KooWGzBZ1qZ5n9b8pNEaJdpYFa8P9kR1Yc3Yy5J6XvUWcDiP'
const nothing = {} as never
const components = { datastore: new MemoryDatastore(), logger: silentLogger() } as never

/** What nobody checks in JavaScript. */
const loose = (options: object): never => options as never

test('an option of a service that is none is an error, which says what was probably meant', () => {
  const refused: [() => unknown, { name: string; message: string }][] = [
    [
      () => mailserver(loose({ pasword: 'x' }))(components),
      { name: 'MailserverInitError', message: 'mailserver() has no pasword: did you mean password?' }
    ],
    [
      () => mailserver(loose({ password: 'x', retain: 1 }))(components),
      { name: 'MailserverInitError', message: 'mailserver() has no retain, only ' }
    ],
    [
      () => mailserver(loose({ password: 'x', policies: { libp2p: { signatur: 'any' } } }))(components),
      { name: 'MailserverInitError', message: 'a policy has no signatur: did you mean signature?' }
    ],
    [
      () => mailserver(loose({ password: 'x', policies: { lib2p: { signature: 'any' } } }))(components),
      { name: 'MailserverInitError', message: 'policies has no lib2p: did you mean libp2p?' }
    ],
    [
      () => mailserver(loose({ password: 'x', retention: { second: 60 } }))(components),
      { name: 'MailserverInitError', message: 'retention has no second: did you mean seconds?' }
    ],
    [
      () =>
        mailserver(loose({ password: 'x', retention: { topics: [{ topic: Uint8Array.of(1, 2, 3, 4), byte: 9 }] } }))(
          components
        ),
      { name: 'MailserverInitError', message: 'the retention of topic 0x01020304 has no byte: did you mean bytes?' }
    ],
    [
      () => waku(loose({ topic: [] }))(nothing),
      { name: 'TypeError', message: 'waku() has no topic: did you mean topics?' }
    ],
    [
      () => waku(loose({ maxTTL: 5 }))(nothing),
      { name: 'TypeError', message: 'waku() has no maxTTL: did you mean maxTtl?' }
    ],
    [
      () => mailclient(loose({ acceptpush: true }))(components),
      { name: 'TypeError', message: 'mailclient() has no acceptpush: did you mean acceptPush?' }
    ],
    [
      () => mailbox(loose({ servers: [PEER], passwort: 'x' }))(components),
      { name: 'MailboxInitError', message: 'mailbox() has no passwort: did you mean password?' }
    ],
    [
      () => mailbox(loose({ servers: [{ peer: PEER, pasword: 'x' }], password: 'y' }))(components),
      { name: 'MailboxInitError', message: 'a mailserver has no pasword: did you mean password?' }
    ]
  ]
  for (const [make, { name, message }] of refused)
    assert.throws(make, (error: Error) => error.name === name && error.message.startsWith(message))
})

test('what is undefined is no option', () => {
  assert.ok(mailserver(loose({ password: 'x', pasword: undefined }))(components))
})

test('an option of keys, trust and archives that is none is an error', async t => {
  const datastore = new MemoryDatastore()
  const keyring = new Keyring({ datastore, logger: silentLogger() })
  await assert.rejects(keyring.addPassword('friends', 'x', loose({ pear: PEER })), {
    name: 'KeyringError',
    message: 'what is said of a key has no pear: did you mean peer?'
  })
  assert.deepEqual(keyring.list(), [])
  const trust = new TrustList({ datastore, logger: silentLogger() })
  t.after(() => trust.close())
  await assert.rejects(async () => trust.add(PEER as never, loose({ expire: 2 ** 31 })), { name: 'TrustEntryError' })
  await assert.rejects(DatastoreArchive.open(loose({ datastore, maxEnvelops: 5 })), {
    name: 'TypeError',
    message: 'DatastoreArchive.open() has no maxEnvelops: did you mean maxEnvelopes?'
  })
  await assert.rejects(openDatabase(tempDir(t), loose({ chek: false })), {
    name: 'TypeError',
    message: 'openDatabase() has no chek: did you mean check?'
  })
})
