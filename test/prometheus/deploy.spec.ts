import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { METRICS } from '../../src/admin/catalogue.js'
import { LIBP2P_METRICS } from '../../src/admin/libp2p-metrics.js'
import { ControlClient } from '../../src/node/control/control-client.js'
import { urlOf } from '../admin/asking.js'
import { running } from '../admin/running.js'
import { tempDir } from '../node/temp-dir.js'
import { CONFIG, DASHBOARD, promtool, RULES, startPrometheus, until } from './prometheus.js'

interface Panel {
  title: string
  targets: Array<{ expr: string }>
}

/** Metrics that an expression names. */
const namesIn = (expression: string): string[] => expression.match(/\b(?:waku_mailserver|libp2p)_\w+/g) ?? []
const known = new Set([
  ...METRICS.flatMap(({ name, type }) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map(end => name + end) : [name]
  ),
  ...Object.keys(LIBP2P_METRICS)
])
const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as { panels: Panel[] }
/** As Grafana would ask for all nodes and a short time. */
const expressions = panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({ title, expr: expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m') }))
)

test('config, rules and dashboard are well formed and name only metrics of the catalogue', () => {
  promtool('check', 'config', CONFIG)
  promtool('check', 'rules', RULES)
  const rules = readFileSync(RULES, 'utf8')
  for (const text of [rules, ...expressions.map(({ expr }) => expr)])
    for (const name of namesIn(text)) assert.ok(known.has(name), name)
})

test('Prometheus scrapes a node, evaluates every rule and every panel, and sees it fall silent', {
  timeout: 100_000
}, async t => {
  const signal = AbortSignal.timeout(90_000)
  const daemon = await running(t)
  const prometheus = await startPrometheus(t, new URL(urlOf(daemon)).host)
  const control = await ControlClient.find(daemon.dir)
  await control?.ask('doctor', {}, { signal })
  control?.close()
  const value = async (expression: string): Promise<string | undefined> =>
    (await prometheus.query(expression))[0]?.value[1]
  await until(async () => (await value('waku_mailserver_canaries_total{outcome="passed"}')) === '1', signal)
  assert.equal(await value('up'), '1')
  assert.equal(await value('waku_mailserver_health_state{check="canary"}'), '2')

  // a rate needs two scrapes
  const rate = 'rate(waku_mailserver_cpu_seconds_total[1m])'
  await until(async () => (await value(rate)) !== undefined, signal)
  for (const { title, expr } of expressions) assert.ok((await prometheus.query(expr)).length > 0, `${title}: ${expr}`)

  type Rules = { groups: Array<{ rules: Array<{ name: string; health: string; lastError?: string; state: string }> }> }
  const rules = async () => (await prometheus.get<Rules>('rules')).groups.flatMap(({ rules }) => rules)
  await until(async () => (await rules()).every(({ health }) => health !== 'unknown'), signal)
  for (const { name, health, lastError, state } of await rules()) {
    assert.equal(health, 'ok', `${name}: ${lastError}`)
    // what else is written to the disk of the machine may well fill it at that pace: it must go on for an hour to be told
    if (name === 'MailserverDiskFills') assert.notEqual(state, 'firing', name)
    else assert.equal(state, 'inactive', name)
  }
  await daemon.stop()
  await until(
    async () => (await rules()).some(({ name, state }) => name === 'MailserverDown' && state !== 'inactive'),
    signal
  )
})

test('each alert fires when it should, and not before', t => {
  const cases: Array<[alert: string, series: string, values: string]> = [
    ['MailserverDown', 'up{job="waku-mailserver"}', '1x4 0x200'],
    ['MailserverCheckFails', 'waku_mailserver_health_state{check="disk"}', '2x4 0x200'],
    ['MailserverCheckWarns', 'waku_mailserver_health_state{check="disk"}', '2x4 1x200'],
    ['MailserverDoesNotStore', 'waku_mailserver_envelopes_stored_total{outcome="failed"}', '0x4 0+5x200'],
    ['MailserverHearsNothing', 'waku_mailserver_last_stored_age_seconds', '0x4 4000x200'],
    ['MailserverCanaryLate', 'waku_mailserver_canary_passed_timestamp_seconds', '0x204'],
    ['MailserverDiskFills', 'waku_mailserver_disk_free_bytes', '1000000000x4 1000000000-4000000x200'],
    ['MailserverDamaged', 'waku_mailserver_archive_damaged_envelopes', '0x4 1x200'],
    ['MailserverFailsRequests', 'waku_mailserver_requests_total{outcome="internal",instance="a"}', '0x4 0+5x200'],
    ['MailserverSlow', 'waku_mailserver_request_duration_seconds_bucket{instance="a",le="10"}', '0x4 0+50x200'],
    ['MailserverLate', 'waku_mailserver_event_loop_delay_seconds{quantile="0.99"}', '0x4 1x200'],
    ['MailserverTwin', 'waku_mailserver_twins_total{whose="own"}', '0x4 0+1x200']
  ]
  const alerts = [...readFileSync(RULES, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
  assert.deepEqual(cases.map(([alert]) => alert).sort(), alerts.sort(), 'each has a case')
  const tests = cases.map(([alert, series, values]) => {
    const more =
      alert === 'MailserverSlow'
        ? [
            { series: series.replace('le="10"', 'le="+Inf"'), values },
            { series: series.replace('le="10"', 'le="1"'), values: '0x204' }
          ]
        : []
    const expr = `count(ALERTS{alertname="${alert}",alertstate="firing"})`
    const firing = [{ labels: '{}', value: 1 }]
    return {
      interval: '1m',
      input_series: [{ series, values }, ...more],
      promql_expr_test: [
        { expr, eval_time: '2m', exp_samples: [] },
        { expr, eval_time: '180m', exp_samples: firing }
      ]
    }
  })
  const file = join(tempDir(t), 'alerts.test.yml')
  writeFileSync(file, JSON.stringify({ rule_files: [RULES], evaluation_interval: '1m', tests }))
  promtool('test', 'rules', file)
})
