import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from '../helpers/repository.js'

const read = (name: string): string => readFileSync(join(repositoryRoot, 'scripts', 'deploy', name), 'utf8')

test('the runbook has a heading for every alert and for every check, and for no other alert', () => {
  const headings = [...read('runbook.md').matchAll(/^###? (.*)$/gm)].flatMap(([, text = '']) => text.split(', '))
  const alerts = [...read('prometheus-alerts.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name as string)
  assert.ok(alerts.length > 5)
  assert.deepEqual(headings.filter(name => name.startsWith('Mailserver')).sort(), alerts.sort())
  const metrics = readFileSync(join(repositoryRoot, 'src', 'admin', 'metrics.md'), 'utf8')
  const checks = /health_state` \| gauge \| `check`: ([^|]+) \|/.exec(metrics)?.[1]?.split(', ') ?? []
  assert.ok(checks.length > 5)
  for (const check of checks) assert.ok(headings.includes(check.trim()), check)
})

test('the dashboard asks the source that the compose file gives Grafana', () => {
  const [, type] = /^ {4}type: (\w+)$/m.exec(read('grafana/datasources/prometheus.yaml')) ?? []
  const dashboard = read('grafana-dashboard.json')
  const [variable] = JSON.parse(dashboard).templating.list
  assert.deepEqual([variable.name, variable.type, variable.query], ['datasource', 'datasource', type])
  const panels = [...dashboard.matchAll(/"datasource": \{\s+"type": "(\w+)",\s+"uid": "([^"]+)"/g)]
  assert.ok(panels.length > 20)
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own placeholder
  for (const [, kind, uid] of panels) assert.deepEqual([kind, uid], [type, '${datasource}'])
})
