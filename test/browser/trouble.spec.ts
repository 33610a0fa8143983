import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { ELSEWHERE, EXPIRED, GOOD, type TestCertificate } from '../fixtures/certificates.js'
import type { Scope } from '../helpers/scope.js'
import { until } from '../helpers/waku-node.js'
import { tempDir } from '../node/temp-dir.js'
import { connected, openPage, startChromium, wayOf, write } from './chromium.js'
import { cuttingProxy } from './cutting-proxy.js'
import { type MailNode, mailNode } from './mail.js'
import { serveExample } from './site.js'

function secureNode(t: Scope, { cert, key }: TestCertificate): Promise<MailNode> {
  const dir = tempDir(t)
  const files = { cert: join(dir, 'tls.crt'), key: join(dir, 'tls.key') }
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key)
  return mailNode(t, { listen: ['/ip4/127.0.0.1/tcp/0/tls/ws'], 'tls-cert': files.cert, 'tls-key': files.key })
}

/** What the page says went wrong: the reason, and the text. */
async function trouble(page: Page): Promise<{ reason: string; text: string }> {
  const notice = page.locator('#notice[data-kind="error"]:not([hidden])')
  await notice.waitFor({ timeout: 30_000 })
  return { reason: (await notice.getAttribute('data-reason')) ?? '', text: (await notice.textContent()) ?? '' }
}

test('a page over https reaches a node over wss; a ws: address, or a certificate that is no good, is told', async t => {
  const origin = `https://localhost:${await serveExample(t, GOOD)}`
  const browser = await startChromium(t, [GOOD.cert])
  const good = await secureNode(t, GOOD)
  const settings = { server: good.address, password: good.password, channel: 'secure' }
  const { page } = await openPage(browser, { origin, settings })
  await connected(page)
  await write(page, 'over TLS')

  const insecure = good.address.replace(/^\/ip4\/127\.0\.0\.1(.*)\/tls\/ws/, '/dns4/mail.test$1/ws')
  const ws = await openPage(browser, { origin, settings: { ...settings, server: insecure } })
  assert.deepEqual(await trouble(ws.page), {
    reason: 'insecure-page',
    text: 'NotConnectedError: that peer cannot be reached: a page that was loaded over https may connect to wss: addresses only'
  })
  for (const certificate of [EXPIRED, ELSEWHERE]) {
    const node = await secureNode(t, certificate)
    const bad = await openPage(browser, { origin, settings: { ...settings, server: node.address } })
    const { reason, text } = await trouble(bad.page)
    assert.equal(reason, 'no-answer')
    assert.match(text, /the certificate is expired, of another name or of an unknown issuer/)
  }
})

test('a page that was not loaded over https says that it cannot dial for that reason', async t => {
  const browser = await startChromium(t)
  const origin = `http://page.test:${await serveExample(t)}`
  const node = await mailNode(t)
  const settings = { server: node.address, password: node.password, channel: 'plain' }
  const { page } = await openPage(browser, { origin, settings })
  const { reason, text } = await trouble(page)
  assert.equal(reason, 'insecure-page')
  assert.match(text, /this page was not loaded over https/)
})

test('a page of the internet without permission for the local network says so', async t => {
  const sitePort = await serveExample(t, GOOD)
  const node = await secureNode(t, GOOD)
  const browser = await startChromium(t, [GOOD.cert], [`--ip-address-space-overrides=127.0.0.1:${sitePort}=public`])
  const settings = { server: node.address, password: node.password, channel: 'home' }
  const { page } = await openPage(browser, { origin: `https://page.test:${sitePort}`, settings })
  const { reason, text } = await trouble(page)
  assert.equal(reason, 'local-network', text)
})

test('a second tab on the same storage says that it keeps nothing, and works; what both write goes through one outbox', async t => {
  const node = await mailNode(t)
  const origin = `http://127.0.0.1:${await serveExample(t)}`
  const browser = await startChromium(t)
  const settings = { server: node.address, password: node.password, channel: 'tabs' }
  const first = await openPage(browser, { origin, settings })
  await connected(first.page)
  await write(first.page, 'from the first tab')
  const second = await openPage(browser, { origin, settings, context: first.context })
  await connected(second.page)
  assert.match((await second.page.locator('#notice').textContent()) ?? '', /open in another tab/)
  await wayOf(second.page, 'from the first tab')
  await write(second.page, 'from the second tab')
  assert.equal(await wayOf(first.page, 'from the second tab'), 'came live')
  // when the first is gone its storage is free, and whole
  await first.page.close()
  await second.page.reload()
  await connected(second.page)
  assert.equal(await second.page.locator('#notice').isVisible(), false)
  for (const text of ['from the first tab', 'from the second tab']) {
    assert.equal(await wayOf(second.page, text), 'kept in this browser')
  }
  assert.deepEqual([...first.failures, ...second.failures], [])
})

test('a proxy that cuts idle connections costs nothing that was confirmed, and the page comes back by itself', async t => {
  const node = await mailNode(t)
  const proxy = await cuttingProxy(t, { to: node.port, idle: 1_000 })
  const origin = `http://127.0.0.1:${await serveExample(t)}`
  const browser = await startChromium(t)
  const server = node.address.replace(`/tcp/${node.port}/`, `/tcp/${proxy.port}/`)
  const settings = { server, password: node.password, channel: 'cut' }
  const { page, failures } = await openPage(browser, { origin, settings })
  const written: string[] = []
  for (let round = 1; round <= 3; round++) {
    await connected(page)
    const text = `letter ${round} of three`
    await write(page, text)
    written.push(text)
    await until(() => proxy.cut() >= round, 20_000)
  }
  const other = await openPage(browser, { origin, settings: { ...settings, server: node.address } })
  for (const text of written) await wayOf(other.page, text)
  // what is written to it while it is away comes once it is back
  await write(other.page, 'written meanwhile')
  await wayOf(page, 'written meanwhile')
  assert.deepEqual(failures, [])
})

test('a browser without room for more says so; what is written is stored by the mailserver all the same', async t => {
  const node = await mailNode(t)
  const origin = `http://127.0.0.1:${await serveExample(t)}`
  const browser = await startChromium(t)
  const settings = { server: node.address, password: node.password, channel: 'full' }
  const context = await browser.newContext()
  // Chromium looks at what is left once in half a minute while little is written: it must know before it opens the database
  const blank = await context.newPage()
  await blank.goto('about:blank')
  const session = await context.newCDPSession(blank)
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 250_000 })
  const { page, failures } = await openPage(browser, { origin, settings, context })
  await connected(page)
  await write(page, 'while there is room')
  const notice = page.locator('#notice[data-kind="error"]:not([hidden])')
  let large = 0
  while (!(await notice.isVisible())) {
    assert.ok(large < 20, 'a megabyte fits into a quarter of one')
    const letter = `${large} `.padEnd(50_000, 'x')
    await page.fill('#text', letter)
    await page.click('#send')
    const mine = page.locator('.letter.mine', { hasText: letter })
    await mine.or(notice).first().waitFor({ timeout: 30_000 })
    if (await mine.isVisible()) large++
  }
  // the outbox, or the archive of the page
  const { reason, text } = await trouble(page)
  assert.ok(['ArchiveFullError', 'full'].includes(reason), text)
  assert.ok(large > 0)
  // once there is room again it is fetched, and kept
  await session.send('Storage.overrideQuotaForOrigin', { origin })
  await page.reload()
  await connected(page)
  assert.equal(await wayOf(page, 'while there is room'), 'kept in this browser')
  assert.match(
    await wayOf(page, `${large - 1} `.padEnd(50_000, 'x')),
    /came live|from the mailserver|kept in this browser/
  )
  assert.deepEqual(failures, [])
})
