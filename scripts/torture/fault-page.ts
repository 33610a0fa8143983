import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'

/** The fields of the page, in the order of faulty-disk.c. */
const FIELDS = [
  /** The process id of the program, once the library is in it. */
  'loaded',
  /** How many operations have changed the disk so far: creations, writes, syncs, renames, removals. */
  'ops',
  /** The process is killed instead of this operation; 0: never. */
  'dieAt',
  /** How much of that operation still happens when it is a write, in thousandths. */
  'diePart',
  /** Bytes that still fit on the disk; -1: any number. */
  'room',
  /** Errors begin with this operation. */
  'failFrom',
  /** Errno of writes, syncs and reads; 0: none. */
  'writeError',
  'syncError',
  'readError',
  /** While it is 1, what changes the disk waits. */
  'stall',
  /** Seconds that the clock is ahead. */
  'clockShift',
  /** How many operations failed or waited. */
  'hits',
  /** How often a shifted clock was read. */
  'clockReads'
] as const

type Field = (typeof FIELDS)[number]

/** The page that a faulty disk reads while it works: what is set here holds at once. */
export class FaultPage {
  readonly path: string
  readonly #file: number

  constructor(path: string) {
    writeFileSync(path, new Uint8Array(4096))
    this.path = path
    this.#file = openSync(path, 'r+')
    this.set('room', -1)
  }

  get(field: Field): number {
    const bytes = Buffer.alloc(8)
    readSync(this.#file, bytes, 0, 8, FIELDS.indexOf(field) * 8)
    return Number(bytes.readBigInt64LE())
  }

  set(field: Field, value: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(value))
    writeSync(this.#file, bytes, 0, 8, FIELDS.indexOf(field) * 8)
  }

  /** Everything works again; counts of operations begin anew. */
  reset(): void {
    for (const field of FIELDS) this.set(field, field === 'room' ? -1 : 0)
  }

  close(): void {
    closeSync(this.#file)
  }
}
