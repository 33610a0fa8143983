/** LevelDB's sequence number and type, behind the key that it was given. */
export const INTERNAL = 8

/** Keys from one to another, both inclusive; without an end that is not known. */
export interface KeyRange {
  from: Uint8Array
  until?: Uint8Array | undefined
}

/** Every key. */
export const EVERYTHING: KeyRange = { from: new Uint8Array(0) }

/** A key as LevelDB was given it. */
export const userKey = (key: Uint8Array | undefined): Uint8Array => key?.slice(0, -INTERNAL) ?? new Uint8Array(0)

/** Whether bytes are a key with those: the type is that of a value, or of a deletion. */
export const isInternal = (key: Uint8Array): boolean => key.length > INTERNAL && (key.at(-INTERNAL) as number) <= 1

export const overlap = (a: KeyRange, b: KeyRange): boolean => isBefore(a.from, b.until) && isBefore(b.from, a.until)

const isBefore = (from: Uint8Array, until: Uint8Array | undefined): boolean =>
  until === undefined || Buffer.compare(from, until) <= 0
