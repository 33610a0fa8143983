import * as FIGURES from '../limits/figures.js'
import type { Envelope } from '../wire/envelope/envelope.js'
import { RefusalCode } from '../wire/packet/confirmation.js'
import { PACKET_OVERHEAD } from '../wire/packet/messages.js'
import type { CounterName } from './counters.js'
import type { OwnStatus } from './own-status.js'
import type { Settings } from './settings.js'

/** Why an envelope is not taken. */
export interface Verdict {
  code: number
  text: string
  counter: CounterName
  /** Whether an honest peer would never have sent it. */
  violation: boolean
}

const verdict = (counter: CounterName, text: string): Verdict => ({
  code: RefusalCode.other,
  text,
  counter,
  violation: true
})
const outOfTime = (counter: CounterName, text: string): Verdict => ({
  code: RefusalCode.time,
  text,
  counter,
  violation: false
})

export const MALFORMED = verdict('refused_malformed', 'malformed envelope')
const NO_TTL = verdict('refused_ttl', 'ttl is 0')
const WRAPPED_TTL = verdict('refused_ttl', 'ttl above expiry')
const LONG_TTL = verdict('refused_ttl', 'ttl too long')
const FUTURE = outOfTime('refused_future', 'sent in the future')
const EXPIRED = outOfTime('refused_expired', 'expired')
const TOO_LARGE = verdict('refused_size', 'envelope too large')
const LOW_POW = verdict('refused_pow', 'proof of work too low')
const UNWANTED = verdict('refused_interest', 'topic not wanted')

/** The rules that need nothing but the envelope and the clock, in order; undefined when all hold. */
export function judgeForm(
  envelope: Envelope,
  now: number,
  limits: Pick<Settings, 'maxTtl' | 'maxEnvelopeSize'>
): Verdict | undefined {
  if (envelope.ttl === 0) return NO_TTL
  if (envelope.ttl > envelope.expiry) return WRAPPED_TTL
  if (envelope.ttl > limits.maxTtl) return LONG_TTL
  if (envelope.sent > now + FIGURES.conversation.clocks) return FUTURE
  if (envelope.expiry < now) return EXPIRED
  if (envelope.size + PACKET_OVERHEAD > limits.maxEnvelopeSize) return TOO_LARGE
  return undefined
}

/** The rules that depend on what this node announced. */
export function judgeTaste(envelope: Envelope, now: number, own: OwnStatus): Verdict | undefined {
  if (!own.takesPow(envelope, now)) return LOW_POW
  if (!own.takesTopic(envelope.topic, now)) return UNWANTED
  return undefined
}
