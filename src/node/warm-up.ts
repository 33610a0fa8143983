import type { ComponentLogger } from '@libp2p/interface'
import { MemoryDatastore } from 'datastore-core'
import { raceSignal } from 'race-signal'
import type { Archive } from '../archive/archive.js'
import type { CapabilityMessage } from '../devp2p/index.js'
import { LimitCounts } from '../limits/counts.js'
import * as FIGURES from '../limits/figures.js'
import { composeRequest } from '../mailclient/request-seal.js'
import { Answer } from '../mailserver/answer.js'
import { CoverageReport } from '../mailserver/coverage-report.js'
import { HistoryDelivery, type HistoryDeliveryParts } from '../mailserver/history-delivery.js'
import { Keyring } from '../mailserver/keyring.js'
import { ReadAhead } from '../mailserver/read-ahead.js'
import { RequestOpener, readRequest } from '../mailserver/request-opening.js'
import { settlePolicies } from '../mailserver/request-policy.js'
import { RequestQueues } from '../mailserver/request-queues.js'
import { settle } from '../mailserver/settings.js'
import type { IncomingRequest } from '../waku/mail-exchange.js'
import { Miner } from '../waku/miner.js'
import { fullBloom } from '../wire/envelope/bloom.js'
import { PacketCode } from '../wire/packet/packet-code.js'
import { randomBytes } from '../wire/random.js'
import { legacyMail } from '../wire/request/legacy-mail.js'
import { connectToSelf, type OwnConnection } from './devp2p/own-connection.js'

/** No longer than this, ms: who starts a node waits for it. */
const PATIENCE = 200
/** After so many pages the next ones are hardly faster. */
const PAGES = 6
const PAGE = 1000
const DAY = 86_400
/** Of a request, seconds. */
const TTL = 60

type ReadArchive = Pick<Archive, 'stats'> & HistoryDeliveryParts['archive']

/**
 * Asks itself for a page of the newest day, some times, over a devp2p connection in memory: the first that somebody asks for finds
 * tables open and code compiled. Nothing leaves the process, and no count of the node knows of it. What goes wrong is left to
 * whoever asks.
 */
export async function warmUp(
  archive: ReadArchive,
  { logger, patience = PATIENCE }: { logger: ComponentLogger; patience?: number }
): Promise<void> {
  const signal = AbortSignal.timeout(patience)
  await raceSignal(askForPages(archive, { logger, signal }), signal).catch(() => {})
}

async function askForPages(
  archive: ReadArchive,
  { logger, signal }: { logger: ComponentLogger; signal: AbortSignal }
): Promise<void> {
  const { newest } = await archive.stats()
  if (newest === undefined) return
  const key = randomBytes(32)
  const connection = await connectToSelf('waku/1', { signal })
  const end = (): void => connection.close()
  signal.addEventListener('abort', end)
  try {
    void serve(archive, connection, { key, logger, signal }).catch(end)
    const miner = new Miner(logger.forComponent('waku-mailserver:warm-up'))
    const codec = legacyMail({ capability: 'waku/1' })
    const query = { lower: Math.max(0, newest - DAY), upper: newest, bloom: fullBloom(), topics: [], limit: PAGE }
    const answers = connection.near.messages[Symbol.asyncIterator]()
    for (let i = 0; i < PAGES && !signal.aborted; i++) {
      const parts = { miner, codec, dialect: codec.defaultDialect, key, signWith: undefined, pow: 0, ttl: TTL, signal }
      const { body } = await composeRequest(query, { ...parts, now: Date.now() / 1000 })
      await connection.near.send(PacketCode.Request, body)
      let answer: IteratorResult<CapabilityMessage>
      do answer = await answers.next()
      while (answer.done !== true && answer.value.code !== PacketCode.RequestComplete)
    }
  } finally {
    end()
  }
}

/** Answers as the node's mailserver does, with keys, queues and a memory of its own. */
async function serve(
  archive: HistoryDeliveryParts['archive'],
  { far, peer }: OwnConnection,
  { key, logger, signal }: { key: Uint8Array; logger: ComponentLogger; signal: AbortSignal }
): Promise<void> {
  const keyring = new Keyring({ datastore: new MemoryDatastore(), logger })
  keyring.lend('warm-up', key)
  const settings = settle({})
  const queues = new RequestQueues(settings.concurrency, () => {})
  const counts = new LimitCounts()
  const policies = settlePolicies({ devp2p: { pow: 0 } })
  const opener = new RequestOpener({ keyring, privateKey: undefined, settings, counts }, policies)
  const delivery = new HistoryDelivery({
    archive,
    queue: queues.reading,
    ahead: new ReadAhead(FIGURES.page.kept),
    coverage: new CoverageReport({ archive, ongoing: () => undefined, unarchived: () => undefined }),
    pageBytes: settings.pageBytes,
    running: () => false
  })
  for await (const { body } of far.messages) {
    const request: IncomingRequest = {
      peer: peer.peer,
      network: 'devp2p',
      origin: peer.origin,
      body,
      codec: legacyMail({ capability: 'waku/1' }),
      send: (code, body) => far.send(code, body, { signal, bulk: code === PacketCode.P2PMessage }),
      abort: () => {},
      signal
    }
    const asked = readRequest(request)
    const answer = new Answer(request, asked.requestId, queues.sending)
    const opened = await queues.opening.run(peer.origin, () => opener.open(request, asked, answer), { signal })
    await answer.complete(await delivery.deliver(request, opened, answer))
  }
}
