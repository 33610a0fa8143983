import * as FIGURES from '../limits/figures.js'
import { checkFunction, checkNames, checkSettings } from '../wire/checks.js'
import type { RateLimits } from '../wire/packet/status.js'
import type { PacketDigester } from './packet-digester.js'
import type { TwinOf } from './twins.js'

/** How the base node behaves. Every field may be left out. */
export interface WakuInit {
  /**
   * Least proof of work of the envelopes that the node takes; announced.
   *
   * @default 0.000002
   */
  pow?: number | undefined
  /**
   * 64 bytes: which topics the node wants; announced.
   *
   * @default everything
   */
  bloom?: Uint8Array | undefined
  /**
   * Exact topics that the node wants, 4 bytes each, at most 10000; announced, and `bloom` is then ignored.
   *
   * @default not in use
   */
  topics?: Uint8Array[] | undefined
  /**
   * A light node forwards nothing but its own envelopes; announced.
   *
   * @default false
   */
  light?: boolean | undefined
  /**
   * Answer every Messages packet with 0x0c and 0x0b after its envelopes are stored; announced.
   *
   * @default true
   */
  confirmations?: boolean | undefined
  /** Packets per second that peers are asked to keep to; announced. */
  packetLimits?: RateLimits | undefined
  /** Bytes per second that peers are asked to keep to; announced. */
  byteLimits?: RateLimits | undefined
  /**
   * Longest TTL that is taken, in seconds.
   *
   * @default 86400
   */
  maxTtl?: number | undefined
  /**
   * Most bytes of an envelope's RLP plus 9, so that it fits a packet.
   *
   * @default 1048576
   */
  maxEnvelopeSize?: number | undefined
  /**
   * How long a peer may take to send its Status, in ms.
   *
   * @default 5000
   */
  statusTimeout?: number | undefined
  /**
   * Most envelopes kept for peers that connect later. The oldest go first.
   *
   * @default 100000
   */
  poolEnvelopes?: number | undefined
  /**
   * Most bytes of envelopes kept for peers that connect later. The oldest go first.
   *
   * @default 67108864
   */
  poolBytes?: number | undefined
  /**
   * Most hashes remembered until their envelopes expire. The oldest go first: a copy that comes later is then taken,
   * stored and forwarded as if it were new.
   *
   * @default 200000
   */
  rememberedEnvelopes?: number | undefined
  /**
   * Messages packets of one peer that may wait for the disk before its stream is read on.
   *
   * @default 8
   */
  packetsInFlight?: number | undefined
  /**
   * How many bad envelopes (other than by time) end a peer's conversation.
   *
   * @default never
   */
  maxViolations?: number | undefined
  /**
   * Hashes that each subscriber's memory holds, so that it gets a message once.
   *
   * @default 10000
   */
  deliveredMemory?: number | undefined
  /**
   * How long `post` waits for confirmations, in ms.
   *
   * @default 10000
   */
  postTimeout?: number | undefined
  /**
   * How long stopping waits for accepted envelopes to be stored and confirmed, in ms.
   *
   * @default 5000
   */
  stopTimeout?: number | undefined
  /**
   * Hashes large packets beside the judging of envelopes, as `DigestThread` does in a thread of its own.
   *
   * @default none
   */
  digester?: PacketDigester | undefined
  /**
   * Told when one identity is used in two places at once, that of a peer or our own: such nodes take each other's place.
   *
   * @default nobody is told
   */
  onTwin?: ((whose: TwinOf) => void) | undefined
  /**
   * The clock: Unix time in seconds.
   *
   * @default the system clock
   */
  now?: (() => number) | undefined
}

type Required<T> = { [K in keyof T]-?: Exclude<T[K], undefined> }

type Optional = 'bloom' | 'topics' | 'packetLimits' | 'byteLimits' | 'digester' | 'onTwin'

/** What the node does where its owner said nothing. */
export type Settings = Required<Omit<WakuInit, Optional>>

/** What has no default. */
const OPTIONAL: Record<Optional, 1> = { bloom: 1, topics: 1, packetLimits: 1, byteLimits: 1, digester: 1, onTwin: 1 }

/** Proof of work that is asked of envelopes. */
const DEFAULT_MIN_POW = 0.000002

const DEFAULTS: Settings = {
  pow: DEFAULT_MIN_POW,
  light: false,
  confirmations: true,
  maxTtl: FIGURES.conversation.maxTtl,
  maxEnvelopeSize: FIGURES.packet.max,
  statusTimeout: FIGURES.conversation.status,
  poolEnvelopes: FIGURES.pool.envelopes,
  poolBytes: FIGURES.pool.bytes,
  rememberedEnvelopes: FIGURES.conversation.remembered,
  packetsInFlight: FIGURES.conversation.inFlight,
  maxViolations: Number.POSITIVE_INFINITY,
  deliveredMemory: FIGURES.conversation.delivered,
  postTimeout: FIGURES.conversation.post,
  stopTimeout: FIGURES.conversation.stop,
  now: () => Math.floor(Date.now() / 1000)
}

/** @throws {TypeError} when one is unknown, of another type, NaN or negative; `pow` is judged where it is announced */
export function settle(init: WakuInit): Settings {
  checkNames(init, 'waku()', Object.keys({ ...DEFAULTS, ...OPTIONAL }).join(' '), TypeError)
  checkSettings(init, { ...DEFAULTS, pow: undefined }, TypeError)
  if (init.digester !== undefined) checkFunction(init.digester?.digest, 'digest of a digester', TypeError)
  if (init.onTwin !== undefined) checkFunction(init.onTwin, 'onTwin', TypeError)
  const given = Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined))
  return { ...DEFAULTS, ...given }
}
