import { readFile } from 'node:fs/promises'
import type { AdminRoute } from './answer.js'

/** By path: file and type. `npm run build` makes them of what is in `page/`. */
const FILES: Record<string, [file: string, type: string]> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml']
}

export function pageFiles(): Array<[string, AdminRoute]> {
  return Object.entries(FILES).map(([path, [file, type]]) => [
    path,
    {
      method: 'GET',
      answer: async () => ({ type, body: await readFile(new URL(`./static/${file}`, import.meta.url)) })
    }
  ])
}
