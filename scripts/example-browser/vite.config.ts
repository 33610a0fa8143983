import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // served from wherever it is put
  base: './',
  resolve: {
    // in a project of your own `waku-mailserver` comes from node_modules, and this line goes
    alias: { 'waku-mailserver': fileURLToPath(new URL('../../dist/src/index.js', import.meta.url)) }
  },
  build: { target: 'es2022', outDir: '../../build/example-browser', emptyOutDir: true },
  worker: { format: 'es' }
})
