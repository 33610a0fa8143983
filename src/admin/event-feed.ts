import type { ServerResponse } from 'node:http'
import * as FIGURES from '../limits/figures.js'
import { type AdminRoute, HEADERS, text } from './answer.js'

const { followers: MOST, followEvery, unread } = FIGURES.admin

/** Sends one view of the node to all who follow, again and again: made once for all, and not at all when nobody does. */
export class EventFeed {
  readonly #view: () => Promise<unknown>
  readonly #interval: number
  readonly #followers = new Set<ServerResponse>()
  #timer: ReturnType<typeof setInterval> | undefined
  #making = false

  constructor(view: () => Promise<unknown>, interval: number = followEvery) {
    this.#view = view
    this.#interval = interval
  }

  get followers(): number {
    return this.#followers.size
  }

  readonly route: AdminRoute = {
    method: 'GET',
    answer: async () => {
      if (this.#followers.size >= MOST) {
        const full = text(`${MOST} pages follow already: close one`, 503)
        return { ...full, headers: { 'retry-after': '10' } }
      }
      return { follow: response => this.#enter(response) }
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    for (const response of this.#followers) response.destroy()
  }

  #enter(response: ServerResponse): void {
    this.#followers.add(response)
    response.once('close', () => {
      this.#followers.delete(response)
      if (this.#followers.size === 0) this.close()
    })
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
    response.flushHeaders()
    this.#timer ??= setInterval(() => void this.#tell(), this.#interval)
    void this.#tell()
  }

  async #tell(): Promise<void> {
    if (this.#making) return
    this.#making = true
    try {
      const event = `data: ${JSON.stringify(await this.#view())}\n\n`
      for (const response of this.#followers) {
        // who does not read is not waited for, and what it would have read is not kept
        if (response.writableLength > unread) response.destroy()
        else response.write(event)
      }
    } catch {
      for (const response of this.#followers) response.write(': the node could not be looked at\n\n')
    } finally {
      this.#making = false
    }
  }
}
