import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { repositoryRoot } from '../helpers/repository.js'
import { connected, openPage, startChromium, wayOf, write } from './chromium.js'
import { mailNode } from './mail.js'
import { serveExample } from './site.js'

const PICTURES = join(repositoryRoot, 'build', 'screenshots')

async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true })
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [width, height] of [
      [1280, 800],
      [390, 844]
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height })
      const wide = await page.evaluate(() => document.documentElement.scrollWidth)
      assert.ok(wide <= width, `${name} is ${wide} wide at ${width}`)
      await page.screenshot({ path: join(PICTURES, `${name}-${width}-${colorScheme}.png`) })
    }
  }
}

/** Names of what lies in the page's database. */
function keysIn(page: Page): Promise<string[]> {
  return page.evaluate(
    () =>
      new Promise<string[]>((resolve, reject) => {
        const opening = indexedDB.open('waku-mail')
        opening.onerror = () => reject(opening.error)
        opening.onsuccess = () => {
          const db = opening.result
          const store = db.objectStoreNames[0] ?? ''
          const all = db.transaction(store).objectStore(store).getAllKeys()
          all.onsuccess = () => {
            db.close()
            resolve(all.result.map(String))
          }
        }
      })
  )
}

async function visitor(
  browser: Browser,
  origin: string,
  settings: { server: string; password: string; channel: string }
) {
  const opened = await openPage(browser, { origin, settings })
  await connected(opened.page)
  return opened
}

test('a letter is written, its page closed, its TTL over: another browser reads it, and keeps it', async t => {
  const node = await mailNode(t)
  const origin = `http://127.0.0.1:${await serveExample(t)}`
  const browser = await startChromium(t)
  const settings = { server: node.address, password: node.password, channel: 'harbour' }

  const first = await visitor(browser, origin, settings)
  await write(first.page, 'The ferry leaves at six.', 3600)
  await write(first.page, 'Bring the blue crate, and the ropes that lie behind the shed.', 2)
  const over = Date.now() + 3_000
  assert.deepEqual(first.failures, [])
  await first.context.close()
  await sleep(over - Date.now())

  const second = await visitor(browser, origin, settings)
  assert.equal(await wayOf(second.page, 'blue crate'), 'from the mailserver, after it had expired')
  // one that lives on may come from the pool of live envelopes first
  assert.match(await wayOf(second.page, 'ferry'), /^(came live|from the mailserver)$/)
  const third = await visitor(browser, origin, settings)
  await write(third.page, 'Got it. I will be there.')
  assert.equal(await wayOf(second.page, 'Got it'), 'came live')
  await write(second.page, 'See you on the quay then.')
  await picture(second.page, 'letters')

  const keys = await keysIn(second.page)
  assert.ok(
    keys.some(key => /trust/.test(key)),
    `trust is kept: ${keys.slice(0, 5)}`
  )
  assert.ok(
    keys.some(key => /archive/.test(key)),
    'and so are letters'
  )
  await node.daemon.stop()
  await second.page.reload()
  assert.equal(await wayOf(second.page, 'blue crate'), 'kept in this browser')
  await second.page.locator('#status[data-status="waiting"]').waitFor()
  assert.equal(await second.page.locator('#notice').getAttribute('data-reason'), 'no-answer')
  await picture(second.page, 'away')
  await second.page.locator('summary').click()
  await picture(second.page, 'setup')
  assert.deepEqual([...second.failures, ...third.failures], [])
})
