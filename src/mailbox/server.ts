import type { PeerId } from '@libp2p/interface'
import { type PeerTarget, targetOf } from '../base/peer-target.js'
import type { Network } from '../waku/packet-channel.js'
import { describe } from '../wire/checks.js'
import type { Dialect } from '../wire/request/history-request.js'
import { MailboxInitError } from './errors.js'
import type { KeyChoice } from './key-choice.js'
import { checkServer, type MailboxInit, type MailboxServer } from './settings.js'
import { Standing } from './standing.js'

/** One of the mailservers of a mailbox, and what is known of it. */
export class Server {
  readonly peer: PeerId
  /** PeerId as text. */
  readonly id: string
  /** Where to dial it, if that was said. */
  readonly target: PeerTarget
  readonly network: Network | undefined
  readonly dialect: Dialect | undefined
  readonly standing = new Standing()
  /** Whether it turned out to know neither ingest order nor coverage. */
  legacy = false
  readonly #opening: Pick<MailboxServer, 'password' | 'requestKey'>
  readonly #keys: KeyChoice

  constructor(server: MailboxServer, opening: Pick<MailboxServer, 'password' | 'requestKey'>, keys: KeyChoice) {
    const { peer, address } = targetOf(server.peer, MailboxInitError)
    this.peer = peer
    this.id = peer.toString()
    this.target = address ?? peer
    this.network = server.network
    this.dialect = server.dialect
    this.#opening = opening
    this.#keys = keys
  }

  /** What it opens requests with, 32 bytes. */
  async requestKey(): Promise<Uint8Array | undefined> {
    const { password, requestKey } = this.#opening
    if (requestKey !== undefined || password === undefined) return requestKey
    return await this.#keys.key(password, MailboxInitError)
  }
}

/** @throws {MailboxInitError} */
export function serversOf({ servers, password, requestKey }: MailboxInit, keys: KeyChoice): Server[] {
  const made = servers.map(given => {
    const server = isServer(given) ? given : { peer: given }
    checkServer(server)
    const own = server.password !== undefined || server.requestKey !== undefined
    const opening = own ? server : { password, requestKey }
    if (opening.password === undefined && opening.requestKey === undefined && server.dialect === undefined) {
      throw new MailboxInitError('a mailserver opens requests with a password: name it')
    }
    return new Server(server, opening, keys)
  })
  if (new Set(made.map(({ id }) => id)).size < made.length) throw new MailboxInitError('a mailserver is named twice')
  return made
}

function isServer(given: PeerTarget | MailboxServer): given is MailboxServer {
  if (given === null || given === undefined)
    throw new MailboxInitError(`a mailserver is a peer, not ${describe(given)}`)
  return typeof given === 'object' && 'peer' in given
}
