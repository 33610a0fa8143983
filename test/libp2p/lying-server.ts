import assert from 'node:assert/strict'
import type { HistoryQuery } from '../../src/mailclient/history-query.js'
import type { MailClientInit } from '../../src/mailclient/settings.js'
import type { Envelope } from '../../src/wire/envelope/envelope.js'
import { parseTopic } from '../../src/wire/envelope/topic.js'
import { encodeMessages } from '../../src/wire/packet/messages.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodePayload } from '../../src/wire/payload/payload.js'
import { openSymmetric } from '../../src/wire/payload/symmetric.js'
import { encodeCursor } from '../../src/wire/request/cursor.js'
import { decodeHistoryRequest, type HistoryRequest } from '../../src/wire/request/history-request.js'
import { encodeRequestComplete, type RequestComplete } from '../../src/wire/request/request-complete.js'
import { newEnvelope } from '../helpers/envelopes.js'
import { KEY } from '../mailserver/request-maker.js'
import { type ClientNode, clientNode, lyingServer, type Script, type ScriptedLine } from './mail-nodes.js'

export const RED = parseTopic('0xaa000001')
export const BLUE = parseTopic('0xbb000002')
export const FROM = 1_600_000_000
export const TO = FROM + 1000
export const NO_HASH = new Uint8Array(32)

export function opened(request: Envelope): HistoryRequest {
  const plain = openSymmetric(request.data, KEY)
  assert(plain !== undefined)
  return decodeHistoryRequest(decodePayload(plain).payload, { network: 'libp2p' }).request
}

export const raws = (envelopes: readonly Envelope[]): Uint8Array[] => envelopes.map(({ raw }) => raw)

export async function deliver(line: ScriptedLine, envelopes: readonly Envelope[]): Promise<void> {
  await line.send(PacketCode.P2PMessage, encodeMessages(raws(envelopes)))
}

export async function complete(
  line: ScriptedLine,
  fields: Partial<RequestComplete> & { requestId: Uint8Array }
): Promise<void> {
  await line.send(PacketCode.RequestComplete, encodeRequestComplete({ lastHash: NO_HASH, ...fields }))
}

/** Answers a request as an honest server would. */
export async function honest(
  line: ScriptedLine,
  request: Envelope,
  envelopes: readonly Envelope[],
  more = false
): Promise<void> {
  const last = envelopes.at(-1)
  await deliver(line, envelopes)
  await complete(line, {
    requestId: request.hash,
    lastHash: last?.hash ?? NO_HASH,
    ...(more && last !== undefined ? { cursor: cursorOf(last) } : {})
  })
}

export const cursorOf = ({ sent, hash }: Envelope): Uint8Array => encodeCursor(sent, hash)

/** Red envelopes of one second each. */
export function some(count: number, from = FROM): Envelope[] {
  return Array.from({ length: count }, (_, i) => newEnvelope({ sent: from + i, topic: RED }))
}

export interface Outcome {
  envelopes: Envelope[]
  error: (Error & { reason?: string; code?: number }) | undefined
  client: ClientNode
  streams: number
  reports: string[]
}

/** What a client makes of a server that answers by this script. */
export async function against(
  t: Parameters<typeof clientNode>[0],
  script: Script,
  query: Partial<HistoryQuery> = {},
  init: MailClientInit = {}
): Promise<Outcome> {
  const server = await lyingServer(t, script)
  const client = await clientNode(t, [server], { retries: 0, firstTimeout: 2000, idleTimeout: 2000, ...init })
  const reports: string[] = []
  client.client.addEventListener('report', ({ detail }) => reports.push(detail.reason))
  const envelopes: Envelope[] = []
  let error: Error | undefined
  try {
    const whole: HistoryQuery = {
      server: server.libp2p.peerId,
      from: FROM,
      to: TO,
      topics: [RED],
      requestKey: KEY,
      ...query
    }
    for await (const page of client.client.history(whole)) envelopes.push(...page.envelopes)
  } catch (cause) {
    error = cause as Error
  }
  return { envelopes, error, client, streams: server.lines.length, reports }
}

export const hashesOf = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ hashHex }) => hashHex)
