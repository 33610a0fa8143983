import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vectorFiles } from './vectors-files.js'

// Writes protocols/vectors; run from the checkout (`npm run vectors`).
const folder = join(process.cwd(), 'protocols', 'vectors')
mkdirSync(folder, { recursive: true })
for (const [name, text] of await vectorFiles()) {
  writeFileSync(join(folder, name), text)
  process.stdout.write(`${name}: ${text.length} bytes\n`)
}
