import { type ComponentLogger, type PeerId, type PrivateKey, serviceDependencies } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { Datastore } from 'interface-datastore'
import { MailboxInitError } from '../mailbox/errors.js'
import { Mailbox, type MailboxComponents } from '../mailbox/mailbox.js'
import type { MailboxInit } from '../mailbox/settings.js'
import { checkNames } from '../wire/checks.js'
import { MissingMailClientError, serviceOf, wakuOf } from './service-lookup.js'

export interface MailboxServiceInit extends MailboxInit {
  /**
   * Key of the `waku()` service among the node's services.
   *
   * @default 'waku'
   */
  waku?: string | undefined
  /**
   * Key of the `mailclient()` service among the node's services.
   *
   * @default 'mailclient'
   */
  mailclient?: string | undefined
}

const NAMES: Record<keyof MailboxServiceInit, 1> = {
  servers: 1,
  password: 1,
  requestKey: 1,
  identity: 1,
  confirmations: 1,
  verified: 1,
  maxLetters: 1,
  maxOutboxBytes: 1,
  remembered: 1,
  interval: 1,
  backoff: 1,
  now: 1,
  waku: 1,
  mailclient: 1
}

export interface MailboxServiceComponents {
  datastore: Datastore
  logger: ComponentLogger
  privateKey: PrivateKey
  connectionManager: ConnectionManager
}

/** The mailbox as a service of a libp2p node. */
export class MailboxService extends Mailbox {
  /** @throws {MailboxInitError} */
  constructor(components: MailboxServiceComponents, init: MailboxServiceInit) {
    checkNames(init, 'mailbox()', Object.keys(NAMES).join(' '), MailboxInitError)
    const { datastore, logger, privateKey } = components
    const hangUp = (peer: PeerId): void => {
      for (const connection of components.connectionManager.getConnections(peer)) {
        connection.abort(new Error('the clock jumped'))
      }
    }
    super(
      {
        datastore,
        logger,
        privateKey,
        hangUp,
        get waku() {
          return wakuOf(components, init.waku ?? 'waku')
        },
        get mailclient() {
          const name = init.mailclient ?? 'mailclient'
          const service = serviceOf<MailboxComponents['mailclient']>(components, name)
          if (service !== undefined) return service
          throw new MissingMailClientError(`the node has no service "${name}": add mailclient() to its services`)
        }
      },
      init
    )
  }

  readonly [serviceDependencies] = ['@waku/packets', '@waku/mailclient']
}
