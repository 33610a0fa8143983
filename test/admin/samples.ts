export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

/** The samples of an exposition in Prometheus' text format. */
export function samplesOf(text: string): Sample[] {
  return text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const [, name, inBraces = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`)
      const labels = Object.fromEntries(
        [...inBraces.matchAll(/(\w+)="([^"\\]*)"/g)].map(([, label, text]) => [label, text])
      )
      return { name, labels, value: Number(value) }
    })
}
