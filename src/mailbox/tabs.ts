import type { LetterChange } from './sent-letter.js'

/** `written`: there is a new letter. */
export type TabMessage = 'written' | LetterChange

/** What the tabs of one outbox tell each other: what they wrote and what became of it. Where there are no tabs it says nothing. */
export class Tabs {
  #channel: BroadcastChannel | undefined

  /** @param name - of the outbox */
  async listen(name: () => Promise<string>, onMessage: (message: TabMessage) => void): Promise<void> {
    const { BroadcastChannel, isSecureContext } = globalThis as {
      BroadcastChannel?: typeof globalThis.BroadcastChannel
      isSecureContext?: boolean
    }
    if (BroadcastChannel === undefined || isSecureContext === undefined) return
    this.#channel = new BroadcastChannel(`waku-mailserver:outbox:${await name()}`)
    this.#channel.onmessage = ({ data }) => onMessage(data as TabMessage)
  }

  tell(message: TabMessage): void {
    this.#channel?.postMessage(message)
  }

  close(): void {
    this.#channel?.close()
    this.#channel = undefined
  }
}
