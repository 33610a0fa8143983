import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../helpers/repository.js'

/** The TypeScript files of rooms of `src`, from there. */
export function filesOf(rooms: readonly string[]): string[] {
  return rooms.flatMap(room =>
    readdirSync(join(repositoryRoot, 'src', room), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => `${room}/${name}`)
  )
}

/** The rows of a table in a page of `src` that begin with a file, by cell. */
export function rowsOf(page: string): string[][] {
  return sourceOf(page)
    .split('\n')
    .filter(line => /^\| \w+\//.test(line))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim())
    )
}

export function sourceOf(file: string): string {
  return readFileSync(join(repositoryRoot, 'src', file), 'utf8')
}
