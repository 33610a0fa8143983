import type { Archive } from '../archive/archive.js'
import { orAborted } from '../base/or-aborted.js'
import { FrameOpener, FrameSealer, type FrameSecrets } from '../devp2p/frame-cipher.js'
import { fastKeccak, type KeccakFactory } from '../devp2p/running-keccak.js'
import { deliverPage } from '../mailserver/page-delivery.js'
import { PageReader } from '../mailserver/page-reader.js'
import { fullBloom } from '../wire/envelope/bloom.js'
import { answeringLibp2p } from '../wire/request/mail-codec.js'

/** No longer than this, ms: who starts a node waits for it. */
const PATIENCE = 150
/** After so many pages the next ones are hardly faster. */
const PAGES = 6
const PAGE = 1000
const DAY = 86_400

/**
 * Reads a page of the newest day for nobody and packs it as it would leave, some times: the first that somebody asks for finds tables open
 * and code compiled. What goes wrong is left to whoever asks.
 */
export async function warmUp(
  archive: Pick<Archive, 'stats' | 'query'>,
  { patience = PATIENCE }: { patience?: number } = {}
): Promise<void> {
  const signal = AbortSignal.timeout(patience)
  await orAborted(readPages(archive, signal), signal).catch(() => {})
}

async function readPages(archive: Pick<Archive, 'stats' | 'query'>, signal: AbortSignal): Promise<void> {
  const { newest } = await archive.stats()
  if (newest === undefined) return
  const keccak = await fastKeccak()
  for (let i = 0; i < PAGES && !signal.aborted; i++) await readPage(archive, newest, way(keccak), signal)
}

async function readPage(
  archive: Pick<Archive, 'query'>,
  upper: number,
  send: (body: readonly Uint8Array[]) => void,
  signal: AbortSignal
): Promise<void> {
  const query = { lower: Math.max(0, upper - DAY), upper, bloom: fullBloom(), limit: PAGE }
  const reader = new PageReader({
    query: (closed, onVisited) => archive.query({ ...query, onVisited, signal: AbortSignal.any([closed, signal]) }),
    turn: work => work()
  })
  try {
    await deliverPage({
      form: answeringLibp2p.answer(),
      next: () => reader.next(),
      send: async (_, body) => send(body),
      onSent: () => {}
    })
  } finally {
    await reader.close()
  }
}

/** A devp2p connection from this node to itself. */
function way(keccak: KeccakFactory): (body: readonly Uint8Array[]) => void {
  const key = new Uint8Array(32)
  const secrets = (): FrameSecrets => ({ aes: key, mac: key, egress: keccak(), ingress: keccak() })
  const [sealer, opener] = [new FrameSealer(secrets()), new FrameOpener(secrets())]
  return body => {
    for (const piece of sealer.seal([body])) opener.push(piece)
    opener.next()
  }
}
