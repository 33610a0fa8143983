import { bloomOf } from '../../../src/wire/envelope/bloom.js'
import { MalformedError } from '../../../src/wire/errors.js'
import { isPositionalWaku0, shh6Status, WishCode, waku0Status } from '../../../src/wire/packet/legacy-status.js'
import { mergeStatus, type StatusOptions } from '../../../src/wire/packet/status.js'
import { type StatusCodec, waku1Status } from '../../../src/wire/packet/status-codec.js'
import { attempt, check, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

/** What a form keeps of a Status, as it reads it again. */
type Kept = (options: StatusOptions) => StatusOptions

const bloomAlone = ({ topics, bloom, ...rest }: StatusOptions): StatusOptions => ({
  ...rest,
  ...(topics ? { bloom: bloomOf(topics) } : bloom && { bloom })
})
const codecs: [StatusCodec, Kept][] = [
  [waku1Status, options => options],
  [waku0Status, ({ byteLimits, ...rest }) => rest],
  [
    shh6Status,
    options => ({
      pow: 0,
      light: false,
      confirmations: false,
      packetLimits: { ip: 0, peer: 0, topic: 0 },
      ...bloomAlone({ ...options, topics: undefined }),
      byteLimits: undefined
    })
  ]
]
const defined = (options: StatusOptions): StatusOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

function judge(options: StatusOptions): void {
  const { pow = 0, bloom } = options
  check(pow >= 0 && Number.isFinite(pow), 'a proof of work out of its range')
  check(bloom === undefined || bloom.length === 64, 'a bloom filter is 64 bytes')
  for (const limits of [options.packetLimits, options.byteLimits]) {
    for (const figure of Object.values(limits ?? {})) check(Number.isSafeInteger(figure) && figure >= 0, 'a rate')
  }
  const merged = mergeStatus({ bloom: new Uint8Array(64), topics: [] }, options)
  check(merged.bloom === undefined || merged.topics === undefined || !options.topics, 'two wishes are in force')
}

/** Every form of Status and of its updates. */
export const fuzz: FuzzTarget = input => {
  attempt(() => isPositionalWaku0(input), MalformedError)
  let any = false
  for (const [codec, kept] of codecs) {
    const options = read(() => codec.decodeStatus(input), MalformedError)
    if (options !== undefined) {
      any = true
      checkSmall(options, input)
      judge(options)
      const second = codec.decodeStatus(codec.encodeStatus(options))
      checkSame(defined(kept(second)), defined(kept(options)), 'written and read a Status differs')
    }
    for (const code of [0x16, ...Object.values(WishCode)]) {
      const update = attempt(() => codec.decodeUpdate(code, input), MalformedError)
      if ('error' in update || update.value === undefined) continue
      any = true
      checkSmall(update.value, input)
      judge(update.value)
      for (const packet of codec.encodeUpdate(update.value)) {
        check(codec.decodeUpdate(packet.code, packet.body) !== undefined, 'an update that nobody knows')
      }
    }
  }
  return any
}
