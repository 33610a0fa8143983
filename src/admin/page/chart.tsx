import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { Sample } from '../samples.js'

export interface Line {
  label: string
  /** One of the colours of page.css. */
  colour: string
  of(sample: Sample): number
}

export interface ChartProps {
  title: string
  samples: readonly Sample[]
  lines: readonly Line[]
  format(value: number | null): string
  /** Where numbers are bytes: the axis counts by powers of two. */
  binary?: boolean | undefined
}

const HEIGHT = 200
const POWERS = Array.from({ length: 50 }, (_, i) => 2 ** i)
const dark = matchMedia('(prefers-color-scheme: dark)')

/** Lines over time; what they say last stands below for those who do not see them. */
export function Chart({ title, samples, lines, format, binary }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const data = [samples.map(({ at }) => at), ...lines.map(({ of }) => samples.map(of))] as uPlot.AlignedData
  const latest = useRef(data)
  latest.current = data

  useEffect(() => {
    const element = place.current
    if (element === null) return
    const draw = (): void => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(element, { lines, format, binary }), latest.current, element)
    }
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }))
    draw()
    resize.observe(element)
    dark.addEventListener('change', draw)
    return () => {
      dark.removeEventListener('change', draw)
      resize.disconnect()
      plot.current?.destroy()
    }
  }, [])
  useEffect(() => plot.current?.setData(data), [samples])

  const last = samples.at(-1)
  const words = lines.map(line => `${line.label} ${last === undefined ? '–' : format(line.of(last))}`).join(', ')
  return (
    <figure>
      <figcaption>
        <h3>{title}</h3>
        <span class="quiet">{samples.length < 2 ? 'the first minutes are being recorded' : words}</span>
      </figcaption>
      <div ref={place} class="chart" role="img" aria-label={`${title}; last: ${words}`} />
    </figure>
  )
}

type Style = Pick<ChartProps, 'lines' | 'format' | 'binary'>

function optionsOf(element: HTMLElement, { lines, format, binary }: Style): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: colour('quiet'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line') }
  }
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      axis,
      {
        ...axis,
        size: 64,
        ...(binary === true ? { incrs: POWERS } : {}),
        values: (_, ticks) => ticks.map(tick => format(tick))
      }
    ],
    series: [
      {},
      ...lines.map(line => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 2,
        points: { show: false },
        value: (_: uPlot, value: number | null) => format(value)
      }))
    ]
  }
}
