import type { Connection } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { StreamMailLine } from '../../src/libp2p/mail-line.js'
import { MAIL_PROTOCOL } from '../../src/libp2p/mail-protocol.js'
import { composeRequest } from '../../src/mailclient/request-seal.js'
import { Miner } from '../../src/waku/miner.js'
import type { Packet } from '../../src/waku/packet-channel.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { fullBloom } from '../../src/wire/envelope/bloom.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { PacketCode } from '../../src/wire/packet/packet-code.js'
import { decodeCoverageAnswer, type Gap } from '../../src/wire/request/coverage.js'
import { encodeDigestQuestion } from '../../src/wire/request/digest.js'
import { ExtensionKey, type Extensions } from '../../src/wire/request/extension.js'
import { askingLibp2p } from '../../src/wire/request/mail-codec.js'
import { splitP2PMessage } from '../../src/wire/request/p2p-message.js'
import type { RequestComplete } from '../../src/wire/request/request-complete.js'
import { decodeItem, encodeString, type RlpItem } from '../../src/wire/rlp.js'

const HISTORY_MS = 120_000

/** The node refuses, by its own word. */
class RefusedError extends Error {
  static override readonly name = 'RefusedError'
  override readonly name = 'RefusedError'
}

/** What a whole history brought. */
export interface History {
  /** In hex, with how often each came. */
  hashes: Map<string, number>
  /** Pages that are no list of envelopes. */
  unreadable: number
  /** Why the node says that this is not everything; absent when it says that it is. */
  incomplete?: string | undefined
  /** The connection ended it, not the node's word. */
  broken: boolean
  /** So many envelopes, at least, were left out for being damaged, as the node says. */
  damaged: number
  /** When envelopes may be missing, as the node says. */
  gaps: Gap[]
}

export interface HistoryAsk {
  /** What requests are encrypted with. */
  key: Uint8Array
  /** Unix seconds by the node's clock. */
  now: number
  /** @default everything, by a bloom filter */
  topics?: readonly Uint8Array[] | undefined
  /** In the order in which the node took them in, instead of by time. */
  sequence?: boolean | undefined
}

const miner = new Miner(defaultLogger().forComponent('torture'))
const EMPTY = encodeString(new Uint8Array(0))
const ASK_COVERAGE = decodeItem(encodeDigestQuestion({ salt: new Uint8Array(0), parts: 0, by: 'time' }))

/** What none brought, and why. */
export function noHistory(incomplete?: string): History {
  return { hashes: new Map(), unreadable: 0, damaged: 0, gaps: [], incomplete, broken: false }
}

/** Asks for everything that the node has, page by page, and hashes every byte that comes instead of believing any. */
export async function wholeHistory(
  connection: Connection,
  { key, now, topics, sequence }: HistoryAsk
): Promise<History> {
  const history = noHistory()
  const signal = AbortSignal.timeout(HISTORY_MS)
  const filter = topics === undefined ? { bloom: fullBloom() } : { topics: [...topics] }
  const sealing = {
    miner,
    codec: askingLibp2p,
    dialect: 'spec6t',
    key,
    signWith: undefined,
    pow: 0,
    ttl: 50,
    now
  } as const
  let line: StreamMailLine | undefined
  let cursor: Uint8Array | undefined
  let place: RlpItem | undefined = sequence === true ? decodeItem(EMPTY) : undefined
  try {
    line = new StreamMailLine(await connection.newStream(MAIL_PROTOCOL, { signal }), connection.remotePeer)
    for (let more = true; more; ) {
      const extensions: Extensions = new Map([[ExtensionKey.coverage, ASK_COVERAGE]])
      if (place !== undefined) extensions.set(ExtensionKey.sequence, place)
      const request = { lower: 0, upper: MAX_UINT32, limit: 1000, cursor, extensions, ...filter }
      const { body } = await composeRequest(request, { ...sealing, signal })
      const before = history.hashes.size
      const complete = await page(line.exchange(body, { signal }), history)
      if (complete.error !== undefined) throw new RefusedError(`error ${complete.error.code}: ${complete.error.text}`)
      history.damaged += complete.damaged ?? 0
      cursor = complete.cursor
      place = complete.extensions?.get(ExtensionKey.sequence)
      more = place === undefined ? cursor !== undefined : history.hashes.size > before
    }
  } catch (err) {
    history.incomplete = (err as Error).message
    history.broken = (err as Error).name !== RefusedError.name
  } finally {
    line?.abort(new Error('the history is over'))
  }
  return history
}

async function page(packets: AsyncIterable<Packet>, history: History): Promise<RequestComplete> {
  for await (const { code, body } of packets) {
    if (code === PacketCode.P2PMessage) take(body, history)
    else if (code === PacketCode.RequestComplete) {
      const complete = askingLibp2p.decodeComplete(body)
      const coverage = complete.extensions?.get(ExtensionKey.coverage)
      if (coverage !== undefined) history.gaps = decodeCoverageAnswer(coverage).coverage.gaps
      return complete
    }
  }
  throw new Error('the answer ended without a completion')
}

function take(body: Uint8Array, history: History): void {
  try {
    for (const { raw } of splitP2PMessage(body)) {
      const hash = toHex(keccak256(raw))
      history.hashes.set(hash, (history.hashes.get(hash) ?? 0) + 1)
    }
  } catch {
    history.unreadable++
  }
}
