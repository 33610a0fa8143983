/** The name that was probably meant; undefined when none is like it. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const other of names) {
    const far = distance(name, other)
    // of three letters two others are another word
    if (far >= least || 2 * far >= Math.max(name.length, other.length)) continue
    least = far
    best = other
  }
  return best
}

/** How many letters have to be put in, left out or changed. No package for it: a page carries this. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (const letter of from) {
    const next = [(row[0] as number) + 1]
    for (const [i, other] of [...to].entries())
      next.push(
        Math.min((row[i] as number) + Number(letter !== other), (row[i + 1] as number) + 1, (next[i] as number) + 1)
      )
    row = next
  }
  return row.at(-1) as number
}
