import type { Results } from './results.js'

/** Kinds of queries that get a panel each, as `queries.ts` names them. */
const PANELS = [
  '10 topics, 30 days',
  'one topic, 30 days',
  'bloom of one topic, 30 days',
  '100 topics, one page',
  '500 topics, one page',
  'everything, one page'
]
const COLUMNS = 3
const PANEL = { width: 300, height: 230 }
const PLOT = { left: 52, top: 34, right: 16, bottom: 36 }
const HEAD = 64
const FOOT = 30
const COLOR = { own: '#0b6e4f', scan: '#b3541e', grid: '#d9d9d9', text: '#222222', faint: '#666666' }

interface Point {
  envelopes: number
  /** ms */
  time: number
}

interface Panel {
  title: string
  own: Point[]
  scan: Point[]
}

/** Cost against size on logarithmic axes, ours beside the layout of status-go; absent while there are not two sizes. */
export function costChart(results: Results): string | undefined {
  const sizes = Object.keys(results)
    .map(Number)
    .filter(size => results[size]?.queries !== undefined)
    .sort((a, b) => a - b)
  if (sizes.length < 2) return undefined
  const panels = PANELS.map((title): Panel => {
    const points = (of: 'own' | 'scan'): Point[] =>
      sizes.flatMap(envelopes => {
        const time = results[envelopes]?.queries?.find(({ kind }) => kind === title)?.[of]
        return time === undefined ? [] : [{ envelopes, time }]
      })
    return { title, own: points('own'), scan: points('scan') }
  })
  const times = panels.flatMap(({ own, scan }) => [...own, ...scan].map(({ time }) => time))
  const ends: Ends = {
    size: [sizes[0] as number, sizes.at(-1) as number],
    time: [10 ** Math.floor(Math.log10(Math.min(...times))), 10 ** Math.ceil(Math.log10(Math.max(...times)))]
  }
  const rows = Math.ceil(panels.length / COLUMNS)
  const [width, height] = [COLUMNS * PANEL.width, HEAD + rows * PANEL.height + FOOT]
  const drawn = panels.map((panel, i) => {
    const [x, y] = [(i % COLUMNS) * PANEL.width, HEAD + Math.floor(i / COLUMNS) * PANEL.height]
    return `<g transform="translate(${x} ${y})">${drawPanel(panel, ends)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="11" fill="${COLOR.text}" role="img" aria-labelledby="title">
<title id="title">Time of a query against the size of the archive, this archive beside a scan by time</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="16" y="26" font-size="16" font-weight="600">What a query costs as the archive grows</text>
${legend()}
${drawn.join('\n')}
<text x="16" y="${height - 10}" fill="${COLOR.faint}">5000 topics over 30 days; medians of one run, warm; both axes logarithmic. Made by npm run bench -- --full report.</text>
</svg>
`
}

interface Ends {
  size: [number, number]
  /** ms */
  time: [number, number]
}

function drawPanel({ title, own, scan }: Panel, ends: Ends): string {
  const [left, right] = [PLOT.left, PANEL.width - PLOT.right]
  const [top, bottom] = [PLOT.top, PANEL.height - PLOT.bottom]
  const x = along(ends.size, [left + 8, right - 8])
  const y = along(ends.time, [bottom, top])
  const parts = [`<text x="${left}" y="20" font-size="12" font-weight="600">${title}</text>`]
  for (let time = ends.time[0]; time <= ends.time[1] * 1.01; time *= 10) {
    parts.push(line([left, y(time)], [right, y(time)], COLOR.grid))
    parts.push(
      `<text x="${left - 6}" y="${round(y(time) + 4)}" text-anchor="end" fill="${COLOR.faint}">${ms(time)}</text>`
    )
  }
  for (const { envelopes } of own) {
    parts.push(line([x(envelopes), bottom], [x(envelopes), bottom + 4], COLOR.faint))
    const label = `<text x="${round(x(envelopes))}" y="${bottom + 17}" text-anchor="middle" fill="${COLOR.faint}">`
    parts.push(`${label}${short(envelopes)}</text>`)
  }
  for (const [points, color] of [
    [scan, COLOR.scan],
    [own, COLOR.own]
  ] as const) {
    const path = points.map(({ envelopes, time }) => `${round(x(envelopes))},${round(y(time))}`)
    parts.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`)
    for (const { envelopes, time } of points) {
      const told = `<title>${short(envelopes)} envelopes: ${time.toFixed(1)} ms</title>`
      parts.push(`<circle cx="${round(x(envelopes))}" cy="${round(y(time))}" r="3" fill="${color}">${told}</circle>`)
    }
  }
  const [mine, theirs] = [own.at(-1), scan.at(-1)]
  if (mine !== undefined && theirs !== undefined) {
    const ratio = theirs.time / mine.time
    const text = `${ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0)} × at ${short(mine.envelopes)}`
    parts.push(`<text x="${right}" y="${bottom - 6}" text-anchor="end" fill="${COLOR.faint}">${text}</text>`)
  }
  return parts.join('')
}

function legend(): string {
  const entries = [
    [COLOR.own, 'this archive: postings of the order of ingest'],
    [COLOR.scan, "status-go's layout: every key in the range is looked at"]
  ] as const
  return entries
    .map(([color, text], i) => {
      const x = 16 + i * 260
      return `${line([x, 46], [x + 24, 46], color, 2)}<text x="${x + 30}" y="50">${text}</text>`
    })
    .join('')
}

function line([x1, y1]: [number, number], [x2, y2]: [number, number], color: string, width = 1): string {
  const ends = `x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"`
  return `<line ${ends} stroke="${color}" stroke-width="${width}"/>`
}

/** Where a value lies on a logarithmic axis. */
function along([low, high]: [number, number], [from, to]: [number, number]): (value: number) => number {
  return value => from + ((to - from) * Math.log(value / low)) / Math.log(high / low)
}

const round = (value: number): number => Math.round(value * 10) / 10

function ms(time: number): string {
  return time >= 1000 ? `${time / 1000} s` : `${Number(time.toPrecision(1))} ms`
}

function short(envelopes: number): string {
  return envelopes >= 1_000_000 ? `${envelopes / 1_000_000}M` : `${envelopes / 1000}k`
}
