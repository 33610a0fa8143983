import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What was in a folder before a program began. */
export interface Snapshot {
  root: string
  folders: string[]
  files: Array<{ path: string; inode: string; bytes: Buffer }>
}

/** @param root a folder whose regular files are few and small enough for the memory */
export function snapshotOf(root: string): Snapshot {
  const snapshot: Snapshot = { root, folders: [], files: [] }
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const path = join(root, name)
    const stat = statSync(path)
    if (stat.isDirectory()) snapshot.folders.push(path)
    else if (stat.isFile()) snapshot.files.push({ path, inode: String(stat.ino), bytes: readFileSync(path) })
  }
  return snapshot
}

/** A folder made again as it was at some moment. */
export interface Restored {
  /** Made, with what was in it. */
  folder: string
  /** What the faulty disk had told until then, with the names and the inodes that are here now. */
  journal: string
}

/**
 * What a program did to the files of a folder, from which the folder can be made as it was after each thing that it did: as often
 * as one likes, and without running the program again.
 */
export class Recording {
  /** Bytes of the journal after each of its lines. */
  readonly positions: readonly number[]
  readonly #before: Snapshot
  readonly #lines: string[][]
  readonly #tape: Buffer

  /**
   * @param journal what the faulty disk told
   * @param tape every byte that was written
   */
  constructor(before: Snapshot, journal: string, tape: Buffer) {
    const lines = journal.split('\n').slice(0, -1)
    let bytes = 0
    this.positions = lines.map(line => {
      bytes += Buffer.byteLength(line) + 1
      return bytes
    })
    this.#lines = lines.map(line => line.split('\t'))
    this.#before = before
    this.#tape = tape
  }

  /** @param place an empty folder; @param position one of `positions`, or 0 */
  restore(position: number, place: string): Restored {
    const lines = this.#lines.slice(0, this.positions.indexOf(position) + 1)
    const state = new State(this.#before, this.#tape)
    const told = lines.map(line => state.after(line))
    const folder = join(place, 'data')
    const graves = join(place, 'graves')
    const moved = (path: string): string => folder + path.slice(this.#before.root.length)
    for (const each of [folder, graves]) mkdirSync(each, { mode: 0o700 })
    for (const path of [...state.folders].sort()) mkdirSync(moved(path), { mode: 0o700 })
    const inodes = new Map<string, string>()
    for (const [inode, { bytes, size }] of state.contents) {
      const path = join(graves, inode)
      writeFileSync(path, bytes.subarray(0, size), { mode: 0o600 })
      inodes.set(inode, String(statSync(path).ino))
    }
    for (const [path, inode] of state.names) linkSync(join(graves, inode), moved(path))
    const { root } = this.#before
    const here = (field: string): string => (field === root || field.startsWith(`${root}/`) ? moved(field) : field)
    const journal = told.map(({ kind, inode, rest, grave }) => {
      const fields = [kind, ...(inode === undefined ? [] : [inodes.get(inode) ?? '-']), ...rest.map(here)]
      if (grave !== undefined) fields.push(grave === '-' ? grave : join(graves, grave))
      return `${fields.join('\t')}\n`
    })
    return { folder, journal: journal.join('') }
  }
}

/** A line of the journal: what it is about stands apart from where it was. */
interface Told {
  kind: string
  inode: string | undefined
  rest: string[]
  /** The inode of what a name stood for until then. */
  grave?: string | undefined
}

interface Content {
  bytes: Buffer
  size: number
}

/** Names and contents, as one line after the other changes them. */
class State {
  readonly names = new Map<string, string>()
  readonly contents = new Map<string, Content>()
  readonly folders = new Set<string>()
  readonly #root: string
  readonly #tape: Buffer

  constructor({ root, folders, files }: Snapshot, tape: Buffer) {
    this.#root = root
    this.#tape = tape
    for (const path of folders) this.folders.add(path)
    for (const { path, inode, bytes } of files) {
      this.names.set(path, inode)
      this.contents.set(inode, { bytes: Buffer.from(bytes), size: bytes.length })
    }
  }

  after([kind = '', first = '', second = '', third = '', fourth = '']: string[]): Told {
    if (kind === 'M') {
      if (first !== this.#root) this.folders.add(first)
      return { kind, inode: undefined, rest: [first] }
    }
    if (kind === 'D') return { kind, inode: undefined, rest: [first] }
    const content = this.#content(first)
    if (kind === 'C') this.names.set(second, first)
    else if (kind === 'O' || kind === 'T') content.size = Math.min(content.size, Number(second))
    else if (kind === 'W') this.#write(content, Number(second), Number(third), Number(fourth))
    else if (kind === 'U') {
      this.names.delete(second)
      return { kind, inode: first, rest: [second], grave: first }
    } else if (kind === 'R') {
      const grave = this.names.get(third) ?? '-'
      this.names.delete(second)
      this.names.set(third, first)
      return { kind, inode: first, rest: [second, third], grave }
    }
    return { kind, inode: first, rest: [second, third, fourth].filter(field => field !== '') }
  }

  #content(inode: string): Content {
    const found = this.contents.get(inode) ?? { bytes: Buffer.alloc(4096), size: 0 }
    this.contents.set(inode, found)
    return found
  }

  #write(content: Content, at: number, size: number, place: number): void {
    const end = at + size
    if (content.bytes.length < end) {
      const grown = Buffer.alloc(Math.max(end, 2 * content.bytes.length))
      content.bytes.copy(grown, 0, 0, content.size)
      content.bytes = grown
    } else if (at > content.size) content.bytes.fill(0, content.size, at)
    this.#tape.copy(content.bytes, at, place, place + size)
    content.size = Math.max(content.size, end)
  }
}
