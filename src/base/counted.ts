/** `1 envelope`, `2 envelopes`, `0 envelopes`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
