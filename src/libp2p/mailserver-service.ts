import { type ComponentLogger, type Metrics, type Startable, serviceDependencies } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import type { Datastore } from 'interface-datastore'
import type { Archive, ArchiveStats } from '../archive/archive.js'
import { DatastoreArchive } from '../archive/datastore/datastore-archive.js'
import { Retention } from '../archive/retention.js'
import { checkRetention, type RetentionRules } from '../archive/retention-rules.js'
import { MailserverInitError, MailserverStoppedError } from '../mailserver/errors.js'
import { Keyring } from '../mailserver/keyring.js'
import { Mailserver } from '../mailserver/mailserver.js'
import { settlePolicies } from '../mailserver/request-policy.js'
import { DEFAULTS, type MailserverInit, settle } from '../mailserver/settings.js'
import type { RequestHandler } from '../waku/mail-exchange.js'
import { checkNames, checkSettings, checkString, describe } from '../wire/checks.js'
import { keyFromPassword } from '../wire/envelope/key.js'
import { MAIL_PROTOCOL_DEFAULTS, MailProtocol, type MailProtocolInit } from './mail-protocol.js'
import { wakuOf } from './service-lookup.js'
import { wakuNodeOf } from './waku-service.js'

export interface MailserverServiceInit extends MailserverInit, MailProtocolInit {
  /**
   * Where envelopes are kept. One that is given here stays its owner's to close.
   *
   * @default up to 100,000 envelopes in the datastore of the libp2p node
   */
  archive?: Archive | undefined
  /**
   * The password that clients seal their requests with; more keys are on `keyring`. Without it there has to be a key on the keyring when the
   * node starts, or another way to open requests: else the start rejects with a `MailserverInitError`.
   */
  password?: string | undefined
  /**
   * Key of the `waku()` service among the node's services.
   *
   * @default 'waku'
   */
  waku?: string | undefined
}

export interface MailserverServiceComponents {
  registrar: Registrar
  datastore: Datastore
  logger: ComponentLogger
  metrics?: Metrics | undefined
}

const NAMES: Record<keyof MailserverServiceInit, unknown> = {
  ...DEFAULTS,
  ...MAIL_PROTOCOL_DEFAULTS,
  archiveTopics: 1,
  retention: 1,
  requestPrivateKey: 1,
  forward: 1,
  onStored: 1,
  onAnswered: 1,
  policies: 1,
  archive: 1,
  password: 1,
  waku: 1
}

/** The name under which the password of the options stands in the keyring. */
export const PASSWORD_KEY = 'password'

/** What can change while the service runs; what is absent becomes its default, but for the password. */
export interface MailserverChange extends Pick<MailserverServiceInit, 'archiveTopics' | 'policies' | 'password'> {
  retention: RetentionRules
}

/** What belongs to one run. */
interface Parts {
  mailserver: Mailserver
  archive: Archive
  streams: MailProtocol
  retention: Retention | undefined
}

/** The mailserver with its stream protocol, as a service of a libp2p node. */
export class MailserverService implements Startable {
  /** The keys that requests are opened with; persisted in the node's datastore. Filled once the node starts. */
  readonly keyring: Keyring
  readonly #components: MailserverServiceComponents
  readonly #init: MailserverServiceInit
  #parts: Parts | undefined
  #opening: Promise<void> | undefined
  #takeBack: (() => void) | undefined

  /** @throws {MailserverInitError} when an option is unknown, of another type or out of its range */
  constructor(components: MailserverServiceComponents, init: MailserverServiceInit = {}) {
    checkNames(init, 'mailserver()', Object.keys(NAMES).join(' '), MailserverInitError)
    if (init.password !== undefined) checkString(init.password, 'password', MailserverInitError, { filled: true })
    settle(init)
    settlePolicies(init.policies ?? {})
    // a bound that is no number would bound nothing
    checkSettings(init, MAIL_PROTOCOL_DEFAULTS, MailserverInitError)
    if (init.archive !== undefined && typeof init.archive?.watch !== 'function')
      throw new MailserverInitError(`archive is an Archive, not ${describe(init.archive)}`)
    this.#components = components
    this.#init = init
    this.keyring = new Keyring({ datastore: components.datastore, logger: components.logger, now: init.now })
  }

  readonly [Symbol.toStringTag] = 'mailserver'
  readonly [serviceDependencies] = ['@waku/packets']

  /** What was counted, by closed names; empty before the node started. */
  get counts(): Record<string, number> {
    return this.#parts?.mailserver.tally.snapshot() ?? {}
  }

  /**
   * The archive that is used; after the node started.
   *
   * @throws {Error} before that
   */
  get archive(): Archive {
    const archive = this.#parts?.archive ?? this.#init.archive
    if (archive === undefined) throw new Error('the archive is opened when the node starts')
    return archive
  }

  /** What of a topic, as an integer of 32 bits, is too old to be kept at a time; Unix seconds. 0 where nothing is ever deleted. */
  floor(topic: number, now: number): number {
    return this.#parts?.retention?.floor(topic, now) ?? 0
  }

  /**
   * Takes over other settings while it runs: all of them, or none when one is wrong.
   * @throws {MailserverInitError} when one is of another type or out of its range, or the service does not run
   */
  async change({ retention, archiveTopics, policies, password }: MailserverChange): Promise<void> {
    const parts = this.#parts
    if (parts?.retention === undefined) throw new MailserverInitError('the mailserver does not run, or keeps for ever')
    settle({ retention, archiveTopics })
    const settled = settlePolicies(policies ?? {})
    const key = password === undefined ? undefined : await keyFromPassword(password)
    // nothing of it can fail from here on
    parts.mailserver.change({ archiveTopics, policies: settled })
    const before = parts.retention
    parts.retention = new Retention({
      archive: parts.archive,
      rules: checkRetention(retention),
      logger: this.#components.logger,
      now: this.#init.now
    })
    await before.stop()
    if (this.#parts === parts) parts.retention.start()
    if (key === undefined || this.#parts !== parts) return
    this.#takeBack?.()
    this.#takeBack = this.keyring.lend(PASSWORD_KEY, key)
  }

  /** Answers a request that came by another transport; from when the node starts until it stops. */
  readonly handle: RequestHandler = async request => {
    if (this.#parts === undefined) request.abort(new MailserverStoppedError('the mailserver is not running'))
    else await this.#parts.mailserver.handle(request)
  }

  stats(): Promise<ArchiveStats> {
    return this.archive.stats()
  }

  /** The archive takes over before the first envelope can arrive, so that none is confirmed without being stored. */
  async beforeStart(): Promise<void> {
    this.#opening ??= this.#open()
    await this.#opening
  }

  async #open(): Promise<void> {
    const { datastore, logger, metrics, registrar } = this.#components
    const init = this.#init
    const waku = wakuNodeOf(wakuOf(this.#components, init.waku ?? 'waku'))
    await this.keyring.load()
    if (init.password !== undefined) {
      this.#takeBack = this.keyring.lend(PASSWORD_KEY, await keyFromPassword(init.password))
    }
    const { forward, requestPrivateKey } = init
    if (this.keyring.list().length === 0 && forward === undefined && requestPrivateKey === undefined) {
      throw new MailserverInitError(
        'nobody could ask this mailserver: give it a password, or put a key on its keyring before the node starts'
      )
    }
    const archive = init.archive ?? (await DatastoreArchive.open({ datastore }))
    const { now } = init
    const retention =
      init.retention === undefined
        ? undefined
        : new Retention({ archive, rules: checkRetention(init.retention), logger, now })
    const floor = retention && ((topic: number, now: number): number => this.floor(topic, now))
    const mailserver = new Mailserver({ waku, archive, keyring: this.keyring, logger, metrics, floor }, init)
    const streams = new MailProtocol({ registrar, logger, limits: waku.limits }, mailserver.handle, init)
    this.#parts = { mailserver, archive, streams, retention }
    mailserver.start()
  }

  async start(): Promise<void> {
    await this.#parts?.streams.start()
    this.#parts?.retention?.start()
  }

  async beforeStop(): Promise<void> {
    await this.#parts?.retention?.stop()
    await this.#parts?.mailserver.beforeStop()
    await this.#parts?.streams.beforeStop()
  }

  async stop(): Promise<void> {
    await this.#parts?.streams.stop()
    await this.#parts?.mailserver.stop()
  }

  /** Only now has everything that was accepted been handed to the archive. */
  async afterStop(): Promise<void> {
    // when another service's start fails, this one may still be opening
    await this.#opening?.catch(() => {})
    await this.#parts?.mailserver.stop()
    this.#takeBack?.()
    this.#takeBack = undefined
    this.#opening = undefined
    if (this.#parts !== undefined && this.#init.archive === undefined) await this.#parts.archive.close()
    this.#parts = undefined
  }
}
