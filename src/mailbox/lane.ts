import { concatBytes, readUint32, toHex } from '../wire/bytes.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { keccak256 } from '../wire/keccak.js'
import { MessagesQueryError } from './errors.js'
import type { Server } from './server.js'

/** Topics that are asked for together, and of whom. */
export interface Lane {
  /** Tells what is remembered of a server for this lane from that of others; empty for the only one. */
  id: string
  /** 4 bytes each, in the order of their numbers: any other would tell which are wanted. */
  topics: Uint8Array[]
  /** Those of them that are wanted, by their numbers. */
  wanted: ReadonlySet<number>
  servers: readonly Server[]
  /** They are asked in this order, and no more of them than have to be: each learns what is wanted here. */
  ordered: boolean
  /** How many others are held against the one that was read, at most. */
  checks: number
}

/** What becomes of the topics of a server that cannot be read: they stay missing, or the next one is asked, which then knows them too. */
export type Split = 'stay' | 'move'

export interface LanesInit {
  /** By number. */
  wanted: ReadonlyMap<number, Uint8Array>
  servers: readonly Server[]
  split: Split | undefined
  verified: boolean
  /** What is asked for beside the wanted ones, for a lane of this name, other than what other lanes ask for. */
  cover(name: string, taken: ReadonlyMap<number, Uint8Array>): Promise<Uint8Array[]>
  /** Nobody else knows it; the same for ever. */
  seed(): Promise<Uint8Array>
}

/** @throws {MessagesQueryError} */
export async function lanesOf({ wanted, servers, split, verified, cover, seed }: LanesInit): Promise<Lane[]> {
  if (split === undefined) {
    const topics = [...wanted.values(), ...(await cover('', wanted))]
    const only = { id: '', servers, ordered: false, checks: servers.length }
    return [{ ...only, topics: sorted(topics), wanted: new Set(wanted.keys()) }]
  }
  const eyes = verified ? 2 : 1
  if (servers.length <= eyes) {
    const why = verified ? 'when servers are compared, two of them see each topic' : 'one server would see all of them'
    throw new MessagesQueryError(`topics are split over ${eyes + 1} servers or more: ${why}`)
  }
  const taken = new Map(wanted)
  const dice = diceOf(await seed())
  const lanes: Lane[] = []
  for (const [name, { topics, ranking }] of shares(wanted, servers, eyes, dice)) {
    const beside = await cover(name, taken)
    for (const topic of beside) taken.set(topicNumber(topic), topic)
    const asked = sorted([...topics, ...beside])
    lanes.push({
      id: toHex(keccak256(concatBytes(...asked)).subarray(0, 8)),
      topics: asked,
      wanted: new Set(topics.map(topicNumber)),
      servers: split === 'move' ? ranking : ranking.slice(0, eyes),
      ordered: true,
      checks: eyes - 1
    })
  }
  return lanes
}

interface Share {
  topics: Uint8Array[]
  /** All servers; the first ones are asked. */
  ranking: Server[]
}

/**
 * Who is asked for what: each topic goes to those servers that the dice put first for it and that have not their part yet, so that all
 * have about the same number, and one topic or server more changes little about the rest.
 */
function shares(
  wanted: ReadonlyMap<number, Uint8Array>,
  servers: readonly Server[],
  eyes: number,
  dice: Dice
): Map<string, Share> {
  const most = Math.ceil((wanted.size * eyes) / servers.length)
  const load = new Map(servers.map(server => [server, 0]))
  const result = new Map<string, Share>()
  const inOrder = [...wanted.values()].sort((a, b) => dice(a, '') - dice(b, ''))
  for (const [i, topic] of inOrder.entries()) {
    const ranked = rankedBy(servers, server => dice(topic, server.id))
    const room = (server: Server): number => most - (load.get(server) ?? 0)
    const left = inOrder.length - i - 1
    const chosen = groupsOf(ranked, eyes).find(group => fits(group, { servers, room, left })) as Server[]
    for (const server of chosen) load.set(server, (load.get(server) ?? 0) + 1)
    const name = chosen
      .map(({ id }) => id)
      .sort()
      .join()
    const share = result.get(name)
    if (share !== undefined) {
      share.topics.push(topic)
      continue
    }
    const rest = rankedBy(servers, server => dice(new TextEncoder().encode(name), server.id))
    result.set(name, { topics: [topic], ranking: [...chosen, ...rest.filter(server => !chosen.includes(server))] })
  }
  return result
}

/**
 * Whether the topics that are left find their servers too, none of which gets more than its share, once these have one more. Without a
 * look ahead the last ones would all have to go to servers that know most of the others.
 */
function fits(
  group: readonly Server[],
  { servers, room, left }: { servers: readonly Server[]; room: (server: Server) => number; left: number }
): boolean {
  if (group.some(server => room(server) < 1)) return false
  const after = (server: Server): number => room(server) - (group.includes(server) ? 1 : 0)
  return servers.reduce((sum, server) => sum + Math.min(after(server), left), 0) >= left * group.length
}

/** Groups of so many, those of the first ones first. */
function groupsOf<T>(list: readonly T[], size: number): T[][] {
  if (size === 0) return [[]]
  return list.flatMap((first, i) => groupsOf(list.slice(i + 1), size - 1).map(rest => [first, ...rest]))
}

const rankedBy = (servers: readonly Server[], rank: (server: Server) => number): Server[] =>
  [...servers].sort((a, b) => rank(a) - rank(b))

type Dice = (bytes: Uint8Array, name: string) => number

const diceOf =
  (seed: Uint8Array): Dice =>
  (bytes, name) =>
    readUint32(keccak256(concatBytes(seed, bytes, new TextEncoder().encode(name))))

const sorted = (topics: Uint8Array[]): Uint8Array[] => topics.sort((a, b) => topicNumber(a) - topicNumber(b))
