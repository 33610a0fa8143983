import type { PrivateKey } from '@libp2p/interface'
import type { Archive } from '../archive/archive.js'
import {
  type MailClientService,
  type MailserverService,
  mailclient,
  mailserver,
  type WakuService,
  waku
} from '../index.js'
import type { MailserverChange } from '../libp2p/mailserver-service.js'
import type { RequestForwarder } from '../mailserver/request-forwarder.js'
import type { MailserverInit } from '../mailserver/settings.js'
import type { PacketDigester } from '../waku/packet-digester.js'
import type { WakuInit } from '../waku/settings.js'
import { type Listening, listening } from './peer/listening.js'
import { retentionRules } from './settings/retention-config.js'
import type { StartConfig } from './settings/start-config.js'

export type NodeServices = {
  waku: WakuService
  mailserver: MailserverService
  mailclient: MailClientService
  listening: Listening
}

export interface NodeServiceParts {
  password: string
  archive: Archive
  privateKey: PrivateKey
  forward?: RequestForwarder | undefined
  digester: PacketDigester
  onStored?: MailserverInit['onStored']
  onAnswered?: MailserverInit['onAnswered']
  onTwin?: WakuInit['onTwin']
}

/** The services of a mailserver node on these settings. */
export function nodeServices(
  config: StartConfig,
  { password, archive, privateKey, forward, digester, onStored, onAnswered, onTwin }: NodeServiceParts
) {
  return {
    waku: waku({ pow: config['min-pow'], maxTtl: config['max-ttl'], digester, onTwin }),
    mailserver: mailserver({
      password,
      archive,
      forward,
      onStored,
      onAnswered,
      ...changeable(config),
      pageBytes: config['page-bytes']
    }),
    mailclient: mailclient({ acceptPush: config['accept-push'], signWith: privateKey.raw }),
    listening: listening()
  }
}

/** What of the mailserver's settings can change while it runs. */
export function changeable(config: StartConfig): Omit<MailserverChange, 'password'> {
  const policy = {
    pow: config['request-pow'],
    signature: config['require-signature']
  }
  return {
    archiveTopics: config['archive-topics']?.map(({ topic }) => topic),
    retention: retentionRules(config),
    policies: { libp2p: policy, devp2p: policy }
  }
}
