import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { repositoryRoot } from '../helpers/repository.js'
import { type Cell, CellEnd, type CellScope, CONTENT_PASSWORD, MAIL_PASSWORD } from './cell.js'
import { clientCells } from './client-cells.js'
import { commandCells } from './command-cells.js'
import { libp2pCells } from './libp2p-cells.js'
import { refusalCells } from './refusal-cells.js'
import { relayCells } from './relay-cells.js'
import { countingCells, serverCells } from './server-cells.js'
import { type Session, writeSession } from './session-file.js'

/**
 * Runs this node against the programs of the legacy networks, and a libp2p peer written in Go, cell by cell:
 * `npm run test:interop [-- --record] [-- part of a cell's name …]`. `--record` writes sessions as fixtures.
 */

const CELL_TIMEOUT = 60_000

const root = repositoryRoot
const fixtures = join(root, 'test', 'fixtures', 'interop')

function buildPrograms(): string {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    process.stderr.write(
      'The interop suite runs against Go programs: install Go 1.26 or later (https://go.dev/dl/) and run this again.\n'
    )
    process.exit(1)
  }
  const script = join(root, 'test', 'interop', 'go', 'build.sh')
  return execFileSync('sh', [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
}

async function runCell(cell: Cell, parts: Omit<CellScope, 'after' | 'record'>, record: boolean): Promise<string> {
  const end = new CellEnd()
  const sessions: Session[] = []
  let timer: NodeJS.Timeout | undefined
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${CELL_TIMEOUT / 1000} s`)), CELL_TIMEOUT)
    })
    const running = cell.run({ ...parts, after: run => end.after(run), record: session => sessions.push(session) })
    const seen = await Promise.race([running, late])
    if (seen === '') throw new Error('the cell is empty')
    if (record) for (const session of sessions) writeSession(fixtures, session)
    return seen
  } finally {
    clearTimeout(timer)
    await end.run()
  }
}

const args = process.argv.slice(2)
const record = args.includes('--record')
const filters = args.filter(arg => arg !== '--record')
const all = [
  ...relayCells,
  ...serverCells,
  ...countingCells,
  ...clientCells,
  ...refusalCells,
  ...commandCells,
  ...libp2pCells
]
const cells = all.filter(({ name }) => filters.length === 0 || filters.some(filter => name.includes(filter)))
if (cells.length === 0) {
  process.stderr.write(`no cell's name contains ${filters.map(filter => `"${filter}"`).join(' or ')}\n`)
  process.exit(1)
}

const parts = {
  programs: buildPrograms(),
  mailKey: await keyFromPassword(MAIL_PASSWORD),
  contentKey: await keyFromPassword(CONTENT_PASSWORD)
}
let failed = 0
for (const cell of cells) {
  const began = performance.now()
  const took = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`
  try {
    const seen = await runCell(cell, parts, record)
    process.stdout.write(`ok    ${cell.name}: ${seen} (${took()})\n`)
  } catch (error) {
    failed++
    process.stdout.write(`FAIL  ${cell.name} (${took()})\n${(error as Error).stack}\n`)
  }
}
process.stdout.write(`${cells.length - failed} of ${cells.length} cells\n`)
process.exit(failed === 0 ? 0 : 1)
