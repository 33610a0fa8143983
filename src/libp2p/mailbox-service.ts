import { type ComponentLogger, type PrivateKey, serviceDependencies } from '@libp2p/interface'
import type { Datastore } from 'interface-datastore'
import { Mailbox, type MailboxComponents } from '../mailbox/mailbox.js'
import type { MailboxInit } from '../mailbox/settings.js'
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

export interface MailboxServiceComponents {
  datastore: Datastore
  logger: ComponentLogger
  privateKey: PrivateKey
}

/** The mailbox as a service of a libp2p node. */
export class MailboxService extends Mailbox {
  /** @throws {MailboxInitError} */
  constructor(components: MailboxServiceComponents, init: MailboxServiceInit) {
    const { datastore, logger, privateKey } = components
    super(
      {
        datastore,
        logger,
        privateKey,
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
