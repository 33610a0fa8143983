/** A text does not say what it should; the message says what was expected and what came instead. */
export class ValueError extends Error {
  static override readonly name = 'ValueError'
  override readonly name = 'ValueError'

  constructor(expected: string, got: unknown) {
    super(`expected ${expected}, got ${describe(got)}`)
  }
}

function describe(got: unknown): string {
  const text = typeof got === 'string' ? JSON.stringify(got) : (JSON.stringify(got) ?? String(got))
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}
