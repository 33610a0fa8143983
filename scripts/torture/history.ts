import type { Connection } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { StreamMailLine } from '../../src/libp2p/mail-line.js'
import { MAIL_PROTOCOL } from '../../src/libp2p/mail-protocol.js'
import { composeRequest } from '../../src/mailclient/request-seal.js'
import { Miner } from '../../src/waku/miner.js'
import { fullBloom } from '../../src/wire/bloom.js'
import { MAX_UINT32, toHex } from '../../src/wire/bytes.js'
import { keccak256 } from '../../src/wire/keccak.js'
import { libp2pMail } from '../../src/wire/mail-codec.js'
import { splitP2PMessage } from '../../src/wire/p2p-message.js'
import { PacketCode } from '../../src/wire/packet-code.js'
import type { RequestComplete } from '../../src/wire/request-complete.js'

const HISTORY_MS = 60_000

/** What a whole history brought. */
export interface History {
  /** In hex, with how often each came. */
  hashes: Map<string, number>
  /** Pages that are no list of envelopes. */
  unreadable: number
  /** Why the node says that this is not everything; absent when it says that it is. */
  incomplete?: string | undefined
}

export interface HistoryAsk {
  /** What requests are encrypted with. */
  key: Uint8Array
  /** Unix seconds by the node's clock. */
  now: number
  /** @default everything, by a bloom filter */
  topics?: readonly Uint8Array[] | undefined
}

const miner = new Miner(defaultLogger().forComponent('torture'))

/** Asks for everything that the node has, page by page, and hashes every byte that comes instead of believing any. */
export async function wholeHistory(connection: Connection, { key, now, topics }: HistoryAsk): Promise<History> {
  const history: History = { hashes: new Map(), unreadable: 0 }
  const signal = AbortSignal.timeout(HISTORY_MS)
  const filter = topics === undefined ? { bloom: fullBloom() } : { topics: [...topics] }
  let line: StreamMailLine | undefined
  let cursor: Uint8Array | undefined
  try {
    line = new StreamMailLine(await connection.newStream(MAIL_PROTOCOL, { signal }), connection.remotePeer)
    do {
      const request = { lower: 0, upper: MAX_UINT32, limit: 1000, cursor, ...filter }
      const { body } = await composeRequest(request, {
        miner,
        codec: libp2pMail,
        dialect: 'spec6t',
        key,
        signWith: undefined,
        pow: 0,
        ttl: 50,
        now,
        signal
      })
      const complete = await page(line.exchange(body, { signal }), history)
      cursor = complete.cursor
      if (complete.error !== undefined) history.incomplete = `error ${complete.error.code}: ${complete.error.text}`
    } while (cursor !== undefined)
  } catch (err) {
    history.incomplete = (err as Error).message
  } finally {
    line?.abort(new Error('the history is over'))
  }
  return history
}

async function page(
  packets: AsyncIterable<{ code: number; body: Uint8Array }>,
  history: History
): Promise<RequestComplete> {
  for await (const { code, body } of packets) {
    if (code === PacketCode.P2PMessage) take(body, history)
    else if (code === PacketCode.RequestComplete) return libp2pMail.decodeComplete(body)
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
