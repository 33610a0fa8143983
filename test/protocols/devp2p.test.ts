import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fromHex, toHex } from '../../src/wire/bytes.js'
import { bloomOf, fullBloom } from '../../src/wire/envelope/bloom.js'
import { shh6Status, waku0Status } from '../../src/wire/packet/legacy-status.js'
import { waku1Status } from '../../src/wire/packet/status-codec.js'
import { DIALECTS, p2pForm } from '../../src/wire/request/dialect.js'
import type { Dialect, HistoryRequest, PlainDialect } from '../../src/wire/request/history-request.js'
import { legacyErrorText } from '../../src/wire/request/legacy-error.js'
import { legacyMail } from '../../src/wire/request/legacy-mail.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'
import { repositoryRoot } from '../helpers/repository.js'

const document = readFileSync(join(repositoryRoot, 'protocols/devp2p.md'), 'utf8')
const topic = fromHex('12345678')
const bloom = bloomOf([topic])
const id = new Uint8Array(32).fill(0x11)
const last = new Uint8Array(32).fill(0x22)
const cursor = new Uint8Array(36).fill(0x33)
const mail = legacyMail({ capability: 'waku/1', plain: true })

/** The worked bytes of a block by what stands before them; names in angle brackets are filled in, spaces dropped. */
function worked(block: string): Map<string, string> {
  const fence = new RegExp(`\`\`\`hex ${block}\\n(.*?)\`\`\``, 's').exec(document)?.[1]
  assert.ok(fence !== undefined, `no block ${block}`)
  const names: Record<string, string> = {
    '<64 x ff>': 'ff'.repeat(64),
    '<32 x 00>': '00'.repeat(32),
    '<B64>': toHex(bloom),
    '<id>': toHex(id),
    '<request id>': toHex(id),
    '<last hash>': toHex(last),
    '<cursor>': toHex(cursor)
  }
  const lines = fence.split('\n').map(line => {
    const [label, bytes] = /^(.*?)\s{2,}(.*?)(?:\s{2,}.*)?$/.exec(line)?.slice(1) ?? [line, '']
    const filled = (bytes as string).replaceAll(/<[^>]+>/g, name => names[name] ?? assert.fail(name))
    return [label as string, filled.replaceAll(' ', '')] as const
  })
  return new Map(lines.filter(([, bytes]) => bytes !== ''))
}

test('the worked bytes of devp2p.md for Status and its changes are what the codecs write and read', () => {
  const none = { ip: 0, peer: 0, topic: 0 }
  const options = { pow: 0.002, bloom: fullBloom(), light: false, confirmations: true, packetLimits: none }
  const status = worked('status')
  assert.equal(status.get('waku/1'), toHex(waku1Status.encodeStatus({ ...options, byteLimits: none })))
  assert.equal(status.get('waku/0'), toHex(waku0Status.encodeStatus(options)))
  assert.equal(status.get('shh/6'), toHex(shh6Status.encodeStatus(options)))
  const readOnly = [...document.matchAll(/^ {8}(.*?) {2,}(positional|short), read only$/gm)]
  const [positional, short] = readOnly.map(match =>
    fromHex((match[1] as string).replace('<64 x ff>', 'ff'.repeat(64)).replaceAll(' ', ''))
  )
  assert.deepEqual(waku0Status.decodeStatus(positional as Uint8Array), options)
  assert.deepEqual(shh6Status.decodeStatus(short as Uint8Array), { pow: 0.002, bloom: fullBloom(), light: false })

  const packets = shh6Status.encodeUpdate({
    pow: 0.002,
    bloom: fullBloom(),
    packetLimits: { ip: 10, peer: 5, topic: 0 }
  })
  const update = worked('update')
  assert.deepEqual(
    [...update.values()],
    [
      ...packets.map(({ body }) => toHex(body)),
      toHex(waku0Status.encodeUpdate({ light: true }).at(-1)?.body as Uint8Array)
    ]
  )
})

test('the worked bytes of devp2p.md for each form of request are what the codecs write and read [D-01]', () => {
  const request = worked('request')
  assert.deepEqual([...request.keys()].slice(-12), Object.keys(DIALECTS))
  const asked: HistoryRequest = { lower: 1577836800, upper: 1577923200, limit: 100, topics: [topic] }
  for (const dialect of Object.keys(DIALECTS) as Dialect[]) {
    const given = dialect === 'raw112' ? { ...asked, cursor } : asked
    const bytes = DIALECTS[dialect].sealed
      ? dialect.startsWith('spec')
        ? mail.encodePayload({ ...given, bloom }, dialect)
        : mail.encodePayload(given, dialect)
      : mail.encodePlain?.(given, dialect as PlainDialect, id)
    assert.equal(request.get(dialect), toHex(bytes as Uint8Array), dialect)
    if (DIALECTS[dialect].sealed)
      assert.equal(mail.decodePayload(fromHex(request.get(dialect) as string)).dialect, dialect)
  }
})

test('the table of dialects in devp2p.md says what the code does [BR-06 D-01]', () => {
  const rows = [...document.matchAll(/^\| `(\w+)` \|.*\| (list|string) \| (clamp|refuse|stream) \| ([\w-]+) \|$/gm)]
  assert.deepEqual(
    rows.map(row => row[1]),
    Object.keys(DIALECTS)
  )
  for (const [, name, completion, limit, form] of rows) {
    const dialect = name as Dialect
    assert.deepEqual([completion, limit], [DIALECTS[dialect].completion, DIALECTS[dialect].limit], dialect)
    assert.equal(form, p2pForm('shh/6', { dialect }))
  }
})

test('the worked bytes of devp2p.md for completions are what the codecs write', () => {
  const completion = worked('completion')
  const error = { code: RequestErrorCode.busy, text: 'later' }
  for (const [form, dialect] of [
    ['string', 'sg7'],
    ['list', 'spec5']
  ] as const) {
    const bytes = (more: object) => toHex(mail.encodeComplete({ requestId: id, lastHash: last, ...more }, dialect))
    assert.equal(completion.get(`${form}, more exists`), bytes({ cursor }))
    assert.equal(completion.get(`${form}, nothing more`), bytes({}))
    assert.equal(completion.get(`${form}, refused`), bytes({ error }))
  }
})

test('the texts of refusals in devp2p.md are those that are written [D-03]', () => {
  const rows = new Map(
    [...document.matchAll(/^\| (\d+) ([a-z ]+) \| (.*) \|$/gm)].map(row => [Number(row[1]), row[3] as string])
  )
  const fixed = ['undecryptable', 'pow', 'signature', 'range', 'filter', 'busy'] as const
  for (const name of fixed) {
    const code = RequestErrorCode[name]
    assert.equal(rows.get(code), `\`${legacyErrorText(code, 'our words')}\``)
  }
  assert.ok(
    rows.get(RequestErrorCode.notAllowed)?.includes('`request is invalid: limit exceeds the maximum allowed value`')
  )
})
