import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CATALOGUE_FILE, catalogueDocument } from '../../scripts/metrics.js'
import { METRICS } from '../../src/admin/catalogue.js'
import { LIBP2P_METRICS } from '../../src/admin/libp2p-metrics.js'
import { ControlClient } from '../../src/node/control/control-client.js'
import { ClientPeer } from '../../src/node/peer/client-peer.js'
import { parsePeerAddress } from '../../src/node/settings/peer-address.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { repositoryRoot } from '../helpers/repository.js'
import { tempDir } from '../node/temp-dir.js'
import { ask, urlOf } from './asking.js'
import { running } from './running.js'
import { type Sample, samplesOf } from './samples.js'

test('the catalogue in the repository is what the code says', () => {
  assert.equal(readFileSync(join(repositoryRoot, CATALOGUE_FILE), 'utf8'), catalogueDocument())
})

test('names say noun and unit, counters end with total, and nothing is there twice', () => {
  const names = METRICS.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, type, help } of METRICS) {
    assert.match(name, /^waku_mailserver_[a-z0-9]+(_[a-z0-9]+)*$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.ok(
      !/_(ms|millis|milliseconds|kb|mb|kib|mib|minutes|hours|days)(_|$)/.test(name),
      `${name}: seconds and bytes`
    )
    assert.match(help, /^[A-Za-z].*[^.]$/, name)
  }
})

test('what a node did is told, and every label has a value of its closed set', { timeout: 60_000 }, async t => {
  const daemon = await running(t)
  const server = parsePeerAddress(daemon.ready.multiaddrs[0] ?? '')
  const legacy = parsePeerAddress(daemon.ready.enode ?? '')
  const signal = AbortSignal.timeout(50_000)
  const topic = topicFromName('counted')
  const requestKey = await keyFromPassword(readFileSync(daemon.dir.password, 'utf8').trim())
  for (const to of [server, legacy]) {
    const client = await ClientPeer.open({ dataDir: join(tempDir(t), 'client'), trustOnly: to.peer })
    t.after(() => client.close())
    await client.connect(to, { signal, timeout: 20_000 })
    for (let i = 0; i < 3; i++) {
      const { confirmed } = await client.waku.post({ envelope: newEnvelope({ topic, ttl: 600 }), to: to.peer })
      assert.equal(confirmed.length, 1)
    }
    const fetch = async (key: Uint8Array): Promise<void> => {
      for await (const _ of client.mailclient.history({
        server: to.peer,
        network: to.network,
        from: 0,
        topics: [topic],
        requestKey: key,
        signal
      }));
    }
    await fetch(requestKey)
    await assert.rejects(fetch(new Uint8Array(32).fill(7)))
  }

  const { body } = await ask(urlOf(daemon, '/metrics'))
  const samples = samplesOf(body)
  const sum = (name: string, labels: Record<string, string> = {}): number =>
    samples
      .filter(one => one.name === `waku_mailserver_${name}`)
      .filter(one => Object.entries(labels).every(([label, value]) => one.labels[label] === value))
      .reduce((total, { value }) => total + value, 0)
  assert.equal(sum('envelopes_received_total'), 6)
  assert.equal(sum('envelopes_judged_total', { outcome: 'accepted' }), 6)
  assert.equal(sum('envelopes_stored_total', { outcome: 'stored' }), 6)
  assert.equal(sum('archive_envelopes'), 6)
  assert.equal(sum('append_envelopes_sum'), 6)
  assert.equal(sum('append_duration_seconds_count'), sum('append_envelopes_count'))
  assert.ok(sum('last_stored_age_seconds') < 60)
  for (const network of ['libp2p', 'devp2p']) {
    assert.equal(sum('peers', { network }), 1)
    assert.equal(sum('requests_total', { network, outcome: 'delivered' }), 1)
    assert.ok(sum('requests_total', { network, outcome: 'undecryptable' }) >= 1)
    assert.equal(
      sum('requests_total', { network }),
      sum('request_duration_seconds_count', { network }),
      'each request has its time'
    )
    assert.equal(sum('request_visited_entries_count', { network }), 1, 'one page was read')
    const visited = sum('request_visited_entries_sum', { network })
    assert.ok(visited >= 3 && visited < 100, `${visited} entries were read for a few envelopes`)
  }
  assert.equal(sum('delivered_envelopes_total'), 3 + 6)
  assert.ok(sum('delivered_bytes_total') > 0)
  assert.ok(sum('disk_free_bytes') > 0 && sum('disk_free_bytes') < sum('disk_size_bytes'))
  const control = await ControlClient.find(daemon.dir)
  await control?.ask('doctor', {}, { signal })
  control?.close()
  checkLabels(samplesOf((await ask(urlOf(daemon, '/metrics'))).body))
})

/** Metrics of ours by the catalogue; libp2p's by their list, with nothing in them that a peer could choose. */
function checkLabels(samples: Sample[]): void {
  const known = new Map(METRICS.map(metric => [metric.name, metric]))
  const seen = new Set<string>()
  for (const { name, labels } of samples) {
    const metric = known.get(name) ?? known.get(name.replace(/_(bucket|sum|count)$/, ''))
    if (metric === undefined) {
      assert.ok(name in LIBP2P_METRICS, `${name} is in no catalogue`)
      for (const value of Object.values(labels)) assert.match(value, /^[a-z/0-9. -]{1,60}$/)
      continue
    }
    seen.add(metric.name)
    const { le, ...own } = labels
    assert.equal(le !== undefined, name.endsWith('_bucket'))
    assert.deepEqual(Object.keys(own).sort(), Object.keys(metric.labels).sort(), name)
    for (const [label, value] of Object.entries(own))
      assert.ok(metric.labels[label]?.includes(value), `${label}=${value}`)
  }
  for (const { name } of METRICS) assert.ok(seen.has(name), `${name} tells nothing`)
}
