import type { HistoryQuery } from '../../src/mailclient/history-query.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { KEY } from '../mailserver/request-maker.js'
import type { ClientNode, ServerNode } from './mail-nodes.js'

/** Long ago, Unix seconds. */
export const OLD = 1_600_000_000

/** Envelopes of one second each whose TTL is over long since. */
export function expired(count: number, fields: { topic?: Uint8Array } = {}): Envelope[] {
  return Array.from({ length: count }, (_, i) => newEnvelope({ sent: OLD + i, ...fields }))
}

export const hashesOf = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex)

/** Everything since long ago, unless told otherwise. */
export function queryOf(server: ServerNode, query: Partial<HistoryQuery> = {}): HistoryQuery {
  return { server: server.libp2p.peerId, from: OLD, requestKey: KEY, ...query }
}

export async function fetch(client: ClientNode, query: HistoryQuery): Promise<Envelope[]> {
  const envelopes: Envelope[] = []
  for await (const envelope of client.client.envelopes(query)) envelopes.push(envelope)
  return envelopes
}
