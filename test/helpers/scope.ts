/** Something that ends, and runs what was given to it then: a test, or a cell of the interop suite. */
export interface Scope {
  after(end: () => unknown): void
}
