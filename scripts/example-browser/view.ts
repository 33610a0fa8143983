import type { Letter } from './channel.js'

/** Beyond this the oldest leave the page; a browser lays out no more in one task. */
const MOST_SHOWN = 200

export function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T
}

/** The letters of a channel, newest last. */
export class LetterList {
  readonly #list = element<HTMLOListElement>('letters')
  readonly #more = element('more')
  readonly #seen = new Set<string>()
  #shown: Array<{ letter: Letter; item: HTMLElement }> = []
  #scrolling = false

  constructor() {
    // what is newest stays in sight when the room for it changes
    new ResizeObserver(() => this.#toNewest()).observe(this.#list)
  }

  clear(): void {
    this.#seen.clear()
    this.#shown = []
    this.#list.replaceChildren()
    this.#tell()
  }

  add(letters: Letter[]): void {
    // that the mailserver has it says more of our own than that it came
    const mine = new Set(letters.filter(({ from }) => from === 'me').map(({ hash }) => hash))
    this.#shown = this.#shown.filter(({ letter }) => !mine.has(letter.hash))
    const fresh = letters.filter(({ hash }) => mine.has(hash) || !this.#seen.has(hash))
    for (const { hash } of fresh) this.#seen.add(hash)
    // what would leave at once is not laid out at all
    const newest = fresh.sort((a, b) => a.sent - b.sent).slice(-MOST_SHOWN)
    this.#shown.push(...newest.map(letter => ({ letter, item: itemOf(letter) })))
    this.#shown.sort((a, b) => a.letter.sent - b.letter.sent)
    this.#shown = this.#shown.slice(-MOST_SHOWN)
    this.#list.replaceChildren(...this.#shown.map(({ item }) => item))
    this.#toNewest()
    this.#tell()
  }

  /** With the next picture: asking for the height in between would lay everything out once more. */
  #toNewest(): void {
    if (this.#scrolling) return
    this.#scrolling = true
    requestAnimationFrame(() => {
      this.#scrolling = false
      this.#list.scrollTop = this.#list.scrollHeight
    })
  }

  #tell(): void {
    const count = this.#seen.size
    const hidden = count - this.#shown.length
    this.#more.textContent =
      hidden > 0 ? `${count.toLocaleString('en')} letters, ${hidden.toLocaleString('en')} older not shown` : ''
    this.#list.dataset.count = `${count}`
    element('empty').hidden = count > 0
  }
}

function itemOf({ hash, text, sent, expiry, from }: Letter): HTMLElement {
  const item = document.createElement('li')
  item.className = from === 'me' ? 'letter mine' : 'letter'
  item.dataset.hash = hash
  const body = document.createElement('p')
  body.textContent = text
  const note = document.createElement('small')
  note.textContent = `${timeOf(sent)} · ${wayOf(from, expiry)}`
  item.append(body, note)
  return item
}

function wayOf(from: Letter['from'], expiry: number): string {
  const expired = expiry * 1000 < Date.now()
  if (from === 'me') return 'stored by the mailserver'
  if (from === 'live') return 'came live'
  if (from === 'archive') return 'kept in this browser'
  return expired ? 'from the mailserver, after it had expired' : 'from the mailserver'
}

// made once: making one costs more than a letter
const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' })
const calendar = new Intl.DateTimeFormat()

function timeOf(seconds: number): string {
  const date = new Date(seconds * 1000)
  const time = clock.format(date)
  return date.toDateString() === new Date().toDateString() ? time : `${calendar.format(date)} ${time}`
}
