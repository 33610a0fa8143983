import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Page } from 'playwright-core'
import { wakuNodeOf } from '../../src/libp2p/waku-service.js'
import type { Daemon } from '../../src/node/daemon.js'
import { ClientPeer } from '../../src/node/peer/client-peer.js'
import { parsePeerAddress } from '../../src/node/settings/peer-address.js'
import { keyFromPassword } from '../../src/wire/envelope/key.js'
import { topicFromName } from '../../src/wire/envelope/topic.js'
import { tokenOf, urlOf } from '../admin/asking.js'
import { running } from '../admin/running.js'
import { newEnvelope, unixNow } from '../helpers/envelopes.js'
import { repositoryRoot } from '../helpers/repository.js'
import { tempDir } from '../node/temp-dir.js'
import { startChromium } from './chromium.js'

const PICTURES = join(repositoryRoot, 'build', 'screenshots')
const VIEWS = ['health', 'traffic', 'archive', 'peers', 'access', 'requests', 'topics', 'bounds']
/** An address that is throttled: the page must not name it. */
const STRANGER = '192.0.2.77'
const HOUR = 3600
const DAY = 24 * HOUR

test('every view of the page, in both themes, on a phone and on a desk', { timeout: 240_000 }, async t => {
  const daemon = await livelyNode(t)
  const browser = await startChromium(t)
  mkdirSync(PICTURES, { recursive: true })
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ colorScheme })
    const page = await context.newPage()
    const failures = watch(page, daemon)
    await login(page, daemon)
    for (const [width, height] of [
      [1280, 900],
      [390, 844]
    ] as const) {
      await page.setViewportSize({ width, height })
      for (const view of VIEWS) {
        await show(page, view)
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        assert.ok(!(await page.content()).includes(STRANGER), view)
        assert.ok(overflow <= 0, `${view} is ${overflow} px wider than ${width} px`)
        await page.screenshot({ path: join(PICTURES, `admin-${view}-${width}-${colorScheme}.png`), fullPage: true })
      }
    }
    assert.deepEqual(await unreadable(page), [])
    assert.deepEqual(failures, [])
    await context.close()
  }
})

test('the page shows what happens while it is open, and says when the node is gone', { timeout: 120_000 }, async t => {
  const daemon = await running(t)
  const browser = await startChromium(t)
  const page = await (await browser.newContext()).newPage()
  await login(page, daemon)
  const envelopes = page.locator('.tiles div', { hasText: 'Envelopes' }).locator('b')
  await page.locator('.tiles').waitFor()
  assert.equal(await envelopes.textContent(), '0')
  await daemon.node.services.mailserver.archive.append([newEnvelope({})])
  await page.locator('.tiles div', { hasText: 'Envelopes' }).locator('b', { hasText: '1' }).waitFor({ timeout: 20_000 })
  const state = page.getByRole('status')
  await state.filter({ hasText: 'all is well' }).waitFor()
  await daemon.stop()
  await state.filter({ hasText: 'the node does not answer' }).waitFor({ timeout: 20_000 })
})

test('a wrong token opens nothing, and a reload asks for none again', { timeout: 60_000 }, async t => {
  const daemon = await running(t)
  const browser = await startChromium(t)
  const page = await (await browser.newContext()).newPage()
  await page.goto(urlOf(daemon))
  await page.getByLabel('Token').fill('guessed')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').filter({ hasText: 'wrong token: the token is in the file admin-token' }).waitFor()
  await page.getByLabel('Token').fill(tokenOf(daemon).token)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Health' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Health' }).waitFor()
})

test('trust and keys are changed by keyboard alone, after a question', { timeout: 120_000 }, async t => {
  const daemon = await running(t)
  const { trust } = daemon.node.services.mailclient
  const { keyring } = daemon.node.services.mailserver
  const browser = await startChromium(t)
  const page = await (await browser.newContext()).newPage()
  await login(page, daemon)

  // to the view by its link, and on to the form
  await tabTo(page, 'Access')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Access', level: 1 }).waitFor()
  const peer = peerIdFromPrivateKey(await generateKeyPair('secp256k1')).toString()
  await page.getByText('Nobody is trusted.').waitFor()
  await tabTo(page, 'Peer id')
  await page.keyboard.type(peer)
  await page.keyboard.press('Tab')
  await page.keyboard.type('home')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.filter({ hasText: `Trust ${peer}?` }).waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
  assert.equal(trust.list().length, 0, 'nothing happens before the answer')

  await tabTo(page, 'Trust')
  await page.keyboard.press('Enter')
  await dialog.getByRole('button', { name: 'Trust' }).press('Enter')
  await page.getByRole('cell', { name: peer }).waitFor()
  assert.deepEqual(
    trust.list().map(({ label }) => label),
    ['home']
  )

  await page.getByRole('button', { name: 'Remove home' }).press('Enter')
  await dialog.getByRole('button', { name: 'Remove' }).press('Enter')
  await page.getByText('Nobody is trusted.').waitFor()
  assert.equal(trust.list().length, 0)

  await page.getByRole('textbox', { name: 'Name' }).fill('alice')
  await page.getByRole('textbox', { name: 'Password' }).fill('a secret of hers')
  await page.keyboard.press('Enter')
  await dialog.getByRole('button', { name: 'Add' }).press('Enter')
  await page.getByRole('cell', { name: 'alice', exact: true }).waitFor()
  assert.ok(keyring.list().some(({ name }) => name === 'alice'))

  await page.getByLabel('Peer id', { exact: true }).fill('nobody')
  await page.getByRole('button', { name: 'Trust' }).press('Enter')
  await dialog.getByRole('button', { name: 'Trust' }).press('Enter')
  await page.getByRole('alert').filter({ hasText: 'not a peer id' }).waitFor()
})

/** Traffic of a fortnight and of the last hour, an outage, requests that fail, peers of both networks. */
async function livelyNode(t: TestContext): Promise<Daemon> {
  const daemon = await running(t, { retention: '30d' })
  const { archive } = daemon.node.services.mailserver
  const now = unixNow()
  const topics = Array.from({ length: 12 }, (_, i) => topicFromName(`channel ${i}`))
  for (let hour = 13 * 24; hour >= 0; hour--) {
    const sent = now - hour * HOUR
    const many = Math.round(4 + 4 * Math.sin((sent % DAY) / (DAY / 6)) + (hour % 7))
    await archive.append(
      Array.from({ length: many }, (_, i) =>
        newEnvelope({ sent: sent - i, ttl: 60, topic: topics[(i * i) % topics.length] as Uint8Array })
      )
    )
  }
  await archive.addGap({ from: now - 4 * DAY, until: now - 4 * DAY + 5 * HOUR, kind: 0, count: 0 })

  const signal = AbortSignal.timeout(60_000)
  const requestKey = await keyFromPassword(readFileSync(daemon.dir.password, 'utf8').trim())
  for (const address of [daemon.ready.multiaddrs[0], daemon.ready.enode]) {
    const to = parsePeerAddress(address ?? '')
    const client = await ClientPeer.open({ dataDir: join(tempDir(t), 'client'), trustOnly: to.peer })
    t.after(() => client.close())
    await client.connect(to, { signal, timeout: 20_000 })
    await client.waku.post({ envelope: newEnvelope({ ttl: 600 }), to: to.peer })
    for (const key of [requestKey, new Uint8Array(32).fill(1)]) {
      const query = { server: to.peer, network: to.network, from: now - DAY, requestKey: key, signal }
      const drained = async (): Promise<void> => {
        for await (const _ of client.mailclient.history({ ...query, topics }));
      }
      await drained().catch(() => {})
    }
  }
  const { counters, limits } = wakuNodeOf(daemon.node.services.waku)
  limits.throttle.charge({ peer: 'somebody', address: STRANGER }, 20 * 1024 * 1024)
  limits.counts.add('slowed_packet', 12)
  limits.counts.add('refused_request', 3)
  counters.add('refused_expired', 41)
  counters.add('refused_pow', 7)
  const { samples } = daemon.overview.recorder
  const snapshot = await daemon.overview.snapshot()
  const last = samples.add(snapshot)
  samples.fine.pop()
  for (let i = 360; i >= 0; i--) {
    const wave = 1 + Math.sin(i / 20)
    const free = last.free + i * 1_000_000
    const envelopes = { received: Math.round(40 * wave), stored: Math.round(36 * wave), refused: i % 60 === 0 ? 9 : 0 }
    const requests = { answered: Math.round(3 * wave), failed: i % 90 === 0 ? 1 : 0, bytes: Math.round(90_000 * wave) }
    const times = { median: 0.004 * wave, p95: 0.03 * wave, loop: 0.002 * wave }
    const peers = { libp2p: 20 + Math.round(5 * wave), devp2p: 9 }
    samples.fine.push({ ...last, at: now - i * 10, free, ...envelopes, ...requests, ...times, ...peers })
  }
  await daemon.node.services.mailclient.trust.add(daemon.node.peerId, {
    label: 'the other mailserver',
    expires: now + DAY
  })
  return daemon
}

async function login(page: Page, daemon: Daemon): Promise<void> {
  await page.goto(urlOf(daemon))
  await page.getByLabel('Token').fill(tokenOf(daemon).token)
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByRole('heading', { name: 'Health' }).waitFor()
}

async function show(page: Page, view: string): Promise<void> {
  await page.evaluate(name => {
    location.hash = name
  }, view)
  await page.getByRole('heading', { level: 1, name: new RegExp(view, 'i') }).waitFor()
  await page.getByText('Looking at the node…').waitFor({ state: 'hidden' })
  if (view === 'archive') await page.getByRole('table', { name: 'Envelopes by day and hour' }).waitFor()
  if (view === 'traffic') await page.locator('.u-over').last().waitFor()
  if (view === 'access') await page.getByRole('table', { name: 'Request keys' }).waitFor()
}

/** Whatever goes wrong in it, and whatever it asks of others. */
function watch(page: Page, daemon: Daemon): string[] {
  const failures: string[] = []
  page.on('pageerror', err => failures.push(String(err)))
  page.on('console', message => {
    if (message.type() === 'error' && !/401/.test(message.text())) failures.push(message.text())
  })
  page.on('request', request => {
    if (!request.url().startsWith(urlOf(daemon))) failures.push(`asks for ${request.url()}`)
  })
  return failures
}

/** Presses Tab until what has this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const element = document.activeElement
      const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : element?.textContent
      return label?.trim()
    })
    if (focused === name) return
  }
  assert.fail(`no way to "${name}" by Tab`)
}

/** Texts of every view whose contrast is below 4.5, as WCAG counts it. */
async function unreadable(page: Page): Promise<string[]> {
  const found: string[] = []
  for (const view of VIEWS) {
    await show(page, view)
    found.push(
      ...(await page.evaluate(() => {
        const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
        if (paint === null) return ['no canvas']
        const rgb = (colour: string, under: string): number[] => {
          paint.fillStyle = under
          paint.fillRect(0, 0, 1, 1)
          paint.fillStyle = colour
          paint.fillRect(0, 0, 1, 1)
          return [...paint.getImageData(0, 0, 1, 1).data.slice(0, 3)]
        }
        const luminance = (parts: number[]): number => {
          const [r = 0, g = 0, b = 0] = parts.map(part => {
            const c = part / 255
            return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
          })
          return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const behind = (element: Element | null): string => {
          for (let at = element; at !== null; at = at.parentElement) {
            const { backgroundColor } = getComputedStyle(at)
            if (!/, 0\)$|transparent/.test(backgroundColor)) return backgroundColor
          }
          return 'white'
        }
        return [...document.querySelectorAll('body *')]
          .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent?.trim()))
          .filter(element => !element.closest('.hidden') && element.getClientRects().length > 0)
          .flatMap(element => {
            const under = behind(element)
            const [a = 0, b = 0] = [
              luminance(rgb(getComputedStyle(element).color, under)),
              luminance(rgb(under, 'white'))
            ]
            const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
            return contrast < 4.5 ? [`${contrast.toFixed(1)} ${element.textContent?.slice(0, 40)}`] : []
          })
      }))
    )
  }
  return found
}
