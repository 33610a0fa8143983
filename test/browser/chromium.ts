import { createHash, X509Certificate } from 'node:crypto'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Scope } from '../helpers/scope.js'

/** Debian's package, unless `CHROMIUM` names another. */
const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** The page with names for what the tests look at. */
export interface OpenPage {
  page: Page
  context: BrowserContext
  /** What went wrong in it that nobody caught. */
  failures: string[]
}

export interface OpenOptions {
  origin: string
  settings: { server: string; password: string; channel: string }
  /** Of another visitor unless it is given. */
  context?: BrowserContext | undefined
}

/** A headless Chromium that finds `*.test` on this machine, and trusts these certificates. */
export async function startChromium(t: Scope, trusted: string[] = [], more: string[] = []): Promise<Browser> {
  const pins = trusted.map(cert => {
    const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
    return createHash('sha256').update(key).digest('base64')
  })
  const browser = await chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--host-resolver-rules=MAP *.test 127.0.0.1',
      `--ignore-certificate-errors-spki-list=${pins.join()}`,
      ...more
    ]
  })
  t.after(() => browser.close())
  return browser
}

/** Opens the example; its settings travel in the part of the address that no server sees. */
export async function openPage(browser: Browser, { origin, settings, context }: OpenOptions): Promise<OpenPage> {
  const own = context ?? (await browser.newContext())
  const page = await own.newPage()
  const failures: string[] = []
  page.on('pageerror', err => failures.push(String(err)))
  await page.goto(`${origin}/#${new URLSearchParams(settings)}`)
  return { page, context: own, failures }
}

export async function connected(page: Page): Promise<void> {
  await page.locator('#status[data-status="connected"]').waitFor({ timeout: 30_000 })
}

/** Writes a letter and resolves when it says that the mailserver has it. */
export async function write(page: Page, text: string, ttl = 60): Promise<void> {
  await page.selectOption('#ttl', String(ttl))
  await page.fill('#text', text)
  await page.click('#send')
  await page.locator('.letter.mine', { hasText: text }).waitFor({ timeout: 30_000 })
}

/** How the page says that a letter came to it. */
export async function wayOf(page: Page, text: string): Promise<string> {
  const letter = page.locator('.letter', { hasText: text })
  await letter.waitFor({ timeout: 30_000 })
  return (await letter.locator('small').textContent())?.split(' · ')[1] ?? ''
}
