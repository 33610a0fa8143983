import type { MailserverChange } from '../../libp2p/mailserver-service.js'
import { changeable } from '../node-services.js'
import type { StartConfig } from './start-config.js'

/** Settings of `start` that a running node takes over; the others need a restart. A certificate is renewed by itself. */
export const RELOADABLE: ReadonlySet<string> = new Set([
  'retention',
  'retention-size',
  'retention-count',
  'retention-topics',
  'archive-topics',
  'request-pow',
  'require-signature',
  'password-file',
  'password'
])

/** What became of settings that were read again, by their names. */
export interface Reloaded {
  changed: string[]
  /** Those that only a restart changes. */
  restart: string[]
}

export interface LiveSettingsParts {
  config: StartConfig
  mailserver: { change(change: MailserverChange): Promise<void> }
  /** The password by other settings, read from its file. */
  passwordOf(config: StartConfig): Promise<string>
}

/** The settings that a node runs by, and how they change. */
export class LiveSettings {
  readonly #parts: LiveSettingsParts
  #config: StartConfig
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: LiveSettingsParts) {
    this.#parts = parts
    this.#config = parts.config
  }

  get current(): StartConfig {
    return this.#config
  }

  /** Takes over what can be, all of it or nothing. One after the other. Throws what is wrong with a setting. */
  change(next: StartConfig): Promise<Reloaded> {
    const change = this.#last.then(() => this.#change(next))
    this.#last = change.catch(() => {})
    return change
  }

  async #change(next: StartConfig): Promise<Reloaded> {
    const { mailserver, passwordOf } = this.#parts
    await mailserver.change({ ...changeable(next), password: await passwordOf(next) })
    const before: Record<string, unknown> = this.#config
    const after: Record<string, unknown> = next
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    const different = names.filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    const changed = different.filter(name => RELOADABLE.has(name))
    this.#config = { ...this.#config, ...Object.fromEntries([...RELOADABLE].map(name => [name, after[name]])) }
    return { changed, restart: different.filter(name => !RELOADABLE.has(name)) }
  }
}
