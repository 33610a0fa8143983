// Bundles the operator's page (src/admin/page) into dist/src/admin/static, with everything that it needs: nothing is loaded from
// elsewhere. What the compiler made of its parts, to check them, is of no use beside that.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const from = join(root, 'src/admin/page')
const to = join(root, 'dist/src/admin/static')

mkdirSync(to, { recursive: true })
await build({
  entryPoints: { page: join(from, 'main.tsx') },
  outdir: to,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome111', 'firefox115', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'inline',
  logLevel: 'warning'
})
for (const file of ['index.html', 'icon.svg']) copyFileSync(join(from, file), join(to, file))
rmSync(join(root, 'dist/src/admin/page'), { recursive: true, force: true })
