import { useState } from 'preact/hooks'
import type { Sample } from '../samples.js'
import { Chart, type Line } from './chart.js'
import { bytes, compact, seconds } from './format.js'
import { useFetched } from './live.js'

const SPANS = [
  [3600, 'an hour'],
  [86_400, 'a day'],
  [604_800, 'a week']
] as const

const line = (label: string, colour: string, of: Line['of']): Line => ({ label, colour, of })

const INGEST = [
  line('received', 'blue', s => s.received),
  line('stored', 'green', s => s.stored),
  line('refused', 'red', s => s.refused)
]
const REQUESTS = [line('answered', 'green', s => s.answered), line('failed', 'red', s => s.failed)]
const LATENCY = [line('half', 'green', s => s.median), line('95 of 100', 'orange', s => s.p95)]
const DELIVERED = [line('bytes', 'blue', s => s.bytes)]
const DISK = [line('free', 'blue', s => s.free)]
const MEMORY = [line('resident', 'blue', s => s.memory)]
const LOOP = [line('99 of 100', 'orange', s => s.loop)]

export function TrafficView() {
  const [span, setSpan] = useState<number>(SPANS[0][0])
  const samples = useFetched<Sample[]>(`/api/samples?seconds=${span}`, 10_000) ?? []
  return (
    <>
      <fieldset class="choice">
        <legend>The last</legend>
        {SPANS.map(([value, name]) => (
          <label>
            <input type="radio" name="span" checked={span === value} onChange={() => setSpan(value)} />
            {name}
          </label>
        ))}
      </fieldset>
      <div class="charts">
        <Chart title="Envelopes" samples={samples} lines={INGEST} format={compact} />
        <Chart title="Requests" samples={samples} lines={REQUESTS} format={compact} />
        <Chart title="Time of requests" samples={samples} lines={LATENCY} format={seconds} />
        <Chart title="History delivered" samples={samples} lines={DELIVERED} format={bytes} binary />
        <Chart title="Room on the disk" samples={samples} lines={DISK} format={bytes} binary />
        <Chart title="Memory" samples={samples} lines={MEMORY} format={bytes} binary />
        <Chart title="Event loop, late by" samples={samples} lines={LOOP} format={seconds} />
      </div>
    </>
  )
}
