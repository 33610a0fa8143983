// Writes src/admin/metrics.md, the catalogue of everything that /metrics shows.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { METRICS } from '../src/admin/catalogue.js'
import { LIBP2P_METRICS } from '../src/admin/libp2p-metrics.js'
import type { Labels } from '../src/admin/metric.js'

/** Below the root of the repository. */
export const CATALOGUE_FILE = 'src/admin/metrics.md'

export function catalogueDocument(): string {
  const own = METRICS.map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${describe(labels)} | ${help} |`)
  const others = Object.entries(LIBP2P_METRICS).map(([name, label]) => `| \`${name}\` | ${label} |`)
  return `# Metrics

What a node tells at \`/metrics\` of its admin listener, in Prometheus' text format. Seconds and bytes; labels have values of closed
sets only, never a topic, peer or address. Counters count since the node started, and what is absent is not known. This page is
made by \`npm run metrics\`, and a test says when it is stale.

| Metric | Type | Labels | What it tells |
|---|---|---|---|
${own.join('\n')}

## Of libp2p

Names are libp2p's own. What it counts beside these names peers or addresses in labels, and is left out.

| Metric | Its label tells |
|---|---|
${others.join('\n')}
`
}

function describe(labels: Labels): string {
  const all = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values.join(', ')}`)
  return all.length === 0 ? '–' : all.join('; ')
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(join(import.meta.dirname, '../..', CATALOGUE_FILE), catalogueDocument())
}
