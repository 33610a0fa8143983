import { type Datastore, Key } from 'interface-datastore'
import { z } from 'zod'
import type { AppendOutcome, Archive } from '../../archive/archive.js'
import { ageFloor } from '../../archive/retention-rules.js'
import { delay } from '../../base/delay.js'
import type { ImportCounts, ImportRefusal } from '../../transfer/import.js'
import type { PacketDigester } from '../../waku/packet-digester.js'
import { concatBytes, readUint32, toHex } from '../../wire/bytes.js'
import { decodeEnvelope, type Envelope, type EnvelopeDigest } from '../../wire/envelope/envelope.js'
import { topicNumber } from '../../wire/envelope/topic.js'
import { MalformedError } from '../../wire/errors.js'
import { keccak256 } from '../../wire/keccak.js'
import { MAX_PACKED_ENVELOPE, MessageItems } from '../../wire/packet/messages.js'
import { retentionRules } from '../settings/retention-config.js'
import type { StartConfig } from '../settings/start-config.js'
import { AdminError, command } from './admin-command.js'
import type { ControlHandler } from './control-server.js'

export type ImportRules = Pick<StartConfig, 'retention' | 'retention-topics' | 'archive-topics'>

export interface ImportParts {
  archive: Archive
  /** Where it is noted how far an import came. */
  datastore: Datastore
  rules: ImportRules
  /** What of a topic is deleted at once when it was sent before a time; by ages alone when absent. */
  floor?: ((topic: number, now: number) => number) | undefined
  /** Hashes batches beside the judging of them. */
  digester?: PacketDigester | undefined
}

const POSITION = 36
/** A clock that is a little behind does not cost an envelope. */
const AHEAD_SECONDS = 60
/** Live envelopes go first when the disk cannot keep up: tried again for half a minute; ms. */
const BUSY_PAUSE = 250
const MAX_ATTEMPTS = 120

/** In base64 when they come through the control socket. */
const bytes = z.union([
  z.instanceof(Uint8Array),
  z.string().transform(text => Uint8Array.from(Buffer.from(text, 'base64')))
])
const oneSource = z.strictObject({ source: z.string() })
const batch = z.strictObject({
  source: z.string(),
  /** A list of envelopes, as in a Messages packet. */
  body: bytes,
  /** `BE32(sent) ‖ hash` of each, one behind the other. */
  positions: bytes.optional(),
  mark: z.string().max(4096)
})

/** Takes batches of envelopes from another archive: on disk first, then the mark behind which to go on. */
export function importHandlers(parts: ImportParts): Record<string, ControlHandler> {
  const { archive, datastore } = parts
  const inOrder = new InOrder()
  const take = async (body: Uint8Array, positions: Uint8Array | undefined, signal: AbortSignal) => {
    const { counts, fit } = await judge(body, positions, parts)
    const outcomes = fit.length === 0 ? [] : await store(archive, fit, signal)
    counts.stored = outcomes.filter(outcome => outcome === 'stored').length
    counts.known = outcomes.length - counts.stored
    return counts
  }
  return {
    'import.begin': command(oneSource, async ({ source }) => {
      await inOrder.begin(source)
      const key = markKey(source, archive)
      return { mark: (await datastore.has(key)) ? new TextDecoder().decode(await datastore.get(key)) : undefined }
    }),
    'import.append': command(batch, ({ source, body, positions, mark }, { signal }) =>
      inOrder.run(source, take(body, positions, signal), async counts => {
        await datastore.put(markKey(source, archive), new TextEncoder().encode(mark))
        return counts
      })
    ),
    'import.end': command(oneSource, async ({ source }) => datastore.delete(markKey(source, archive)))
  }
}

/**
 * Of one source nothing ends before what began earlier, nor after that failed: its mark would pass over what is missing. What arrives only
 * then was sent before anybody heard of that, until the source begins again.
 */
class InOrder {
  /** What began last and has not ended, or failed. */
  readonly #last = new Map<string, Promise<unknown>>()

  /** Resolves when nothing of a source is under way. */
  async begin(source: string): Promise<void> {
    const last = this.#last.get(source)
    await last?.catch(() => {})
    if (this.#last.get(source) === last) this.#last.delete(source)
  }

  /** @param end - called when `work`, and everything of the source before it, is done */
  async run<T>(source: string, work: Promise<T>, end: (done: T) => Promise<T>): Promise<T> {
    const before = this.#last.get(source)
    const mine = Promise.all([work, before]).then(([done]) => end(done))
    this.#last.set(source, mine)
    const done = await mine
    if (this.#last.get(source) === mine) this.#last.delete(source)
    return done
  }
}

/** What one archive has of a source another one may lack. */
function markKey(source: string, { id }: Pick<Archive, 'id'>): Key {
  const name = concatBytes(id, new TextEncoder().encode(source))
  return new Key(`/import/${toHex(keccak256(name).subarray(0, 16))}`)
}

/** As intake judges, but for what only concerns the live network: how long they lived, and the work for it. */
async function judge(body: Uint8Array, positions: Uint8Array | undefined, parts: ImportParts) {
  const digests = await parts.digester?.digest(body, { pow: 0, batch: false })
  const items = new MessageItems(body)
  if (positions !== undefined && positions.length !== POSITION * items.length) {
    throw new AdminError('positions: not as many as there are envelopes')
  }
  const counts: ImportCounts = {
    stored: 0,
    known: 0,
    refused: { retention: 0, topics: 0, future: 0, size: 0 },
    damaged: 0
  }
  const refuses = judgeBy(parts, Math.floor(Date.now() / 1000))
  const fit: Envelope[] = []
  for (let i = 0; i < items.length; i++) {
    const envelope = read(items.next(), digests?.of(i), positions, POSITION * i)
    const why = envelope && refuses(envelope)
    if (envelope === undefined) counts.damaged++
    else if (why !== undefined) counts.refused[why]++
    else fit.push(envelope)
  }
  return { counts, fit }
}

/** Undefined when it is none, or another one than its archive says, at `at` in `positions`. */
function read(
  raw: Uint8Array,
  digest: EnvelopeDigest | undefined,
  positions: Uint8Array | undefined,
  at: number
): Envelope | undefined {
  try {
    const envelope = decodeEnvelope(raw, digest)
    return positions === undefined || isAt(envelope, positions, at) ? envelope : undefined
  } catch (err) {
    if (err instanceof MalformedError) return undefined
    throw err
  }
}

/** Compared where it is: a view of each part takes longer. */
function isAt({ sent, hash }: Envelope, positions: Uint8Array, at: number): boolean {
  if (readUint32(positions, at) !== sent) return false
  for (let i = 0; i < hash.length; i++) if (hash[i] !== positions[at + 4 + i]) return false
  return true
}

function judgeBy({ rules, floor }: ImportParts, now: number): (envelope: Envelope) => ImportRefusal | undefined {
  const { 'archive-topics': topics } = rules
  const floorOf = floor ?? ageFloor(retentionRules(rules))
  const wanted = topics && new Set(topics.map(({ topic }) => topicNumber(topic)))
  return ({ sent, size, topicNumber }) => {
    if (sent < floorOf(topicNumber, now)) return 'retention'
    if (sent > now + AHEAD_SECONDS) return 'future'
    if (size > MAX_PACKED_ENVELOPE) return 'size'
    return wanted === undefined || wanted.has(topicNumber) ? undefined : 'topics'
  }
}

async function store(archive: Archive, envelopes: Envelope[], signal: AbortSignal): Promise<AppendOutcome[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await archive.append(envelopes)
    } catch (error) {
      if ((error as Error).name !== 'ArchiveBusyError' || attempt >= MAX_ATTEMPTS) throw error
      await delay(BUSY_PAUSE, { signal })
    }
  }
}
