import * as FIGURES from '../../limits/figures.js'
import { formatDuration } from '../../node/settings/duration.js'
import { durationOption, numberOption, plainOption, textOption } from '../../node/settings/option.js'
import { PEER_ADDRESS, parsePeerAddress } from '../../node/settings/peer-address.js'
import { newIdentityOption, startShape, TTL_RANGE } from '../../node/settings/start-config.js'
import { parseTopicChoice, TOPIC, type TopicChoice } from '../../node/settings/topic-choice.js'
import type { PostResult } from '../../waku/message.js'
import { toHex } from '../../wire/bytes.js'
import { keyFromPassword } from '../../wire/envelope/key.js'
import { type CommandContext, defineCommand, UsageError } from '../command.js'
import { printable, writeJson, writeLine } from '../output.js'
import { readPayload } from '../payload-source.js'
import { CLIENT_DATA_DIR, clientDataDirOption, DEFAULT_TIMEOUT, jsonOption, timeoutOption } from '../shared-options.js'
import { chosenKey, type KeyFiles } from '../topic-keys.js'

/** The peer did not confirm everything that was posted. */
export class NotConfirmedError extends Error {
  static override readonly name = 'NotConfirmedError'
  override readonly name = 'NotConfirmedError'
}

/** Envelopes under way at a time. */
const WINDOW = 8

export const post = defineCommand({
  name: 'post',
  about: 'post a message and wait until the peer has it on disk',
  details:
    'The payload is --payload, --payload-file, or standard input. Without a key, that of the public channel of this name is used.\n' +
    'The exit code is 0 only when the peer confirmed every envelope.',
  shape: {
    'data-dir': clientDataDirOption,
    'new-identity': newIdentityOption,
    to: textOption(parsePeerAddress, PEER_ADDRESS, '<peer>', 'the peer to post to'),
    topic: textOption(parseTopicChoice, TOPIC, '<topic>', 'a name, or 0x and 8 hex digits', { flagOnly: true }),
    payload: textOption(text => text, 'a text', '<text>', 'what to post', { flagOnly: true }),
    'payload-file': plainOption('<file>', 'what to post', { flagOnly: true }),
    'key-password-file': plainOption('<file>', 'encrypt with the key of this password'),
    'key-file': plainOption('<file>', 'encrypt with this key: 32 bytes, raw or as 64 hex digits'),
    ttl: durationOption('how long the network carries it', TTL_RANGE, { fallback: '50s' }),
    'max-ttl': startShape['max-ttl'],
    pow: numberOption('proof of work to reach', { min: 0, max: 1_000_000 }, { fallback: 'what the peer asks for' }),
    count: numberOption(
      'post it so many times',
      { min: 1, max: 100_000, integer: true },
      { flagOnly: true, fallback: '1' }
    ),
    timeout: timeoutOption('how long to wait for a connection and for each confirmation'),
    json: jsonOption
  },
  async run(config, _operands, context) {
    const { to, topic, ttl } = config
    if (to === undefined) throw new UsageError('post: needs --to <peer>')
    if (topic === undefined) throw new UsageError('post: needs --topic <topic>')
    checkTtl(ttl, config['max-ttl'] ?? FIGURES.conversation.maxTtl)
    if (config.payload !== undefined && config['payload-file'] !== undefined) {
      throw new UsageError('post: --payload and --payload-file exclude each other')
    }
    const key = await keyFor(topic, config, context)
    const payload = await readPayload(
      { text: config.payload, file: config['payload-file'], stdin: context.stdin },
      context
    )
    const timeout = (config.timeout ?? DEFAULT_TIMEOUT) * 1000
    const { ClientPeer } = await import('../../node/peer/client-peer.js')
    const client = await ClientPeer.open({
      dataDir: config['data-dir'] ?? CLIENT_DATA_DIR,
      newIdentity: config['new-identity']
    })
    try {
      await client.connect(to, { signal: context.signal, timeout })
      const send = (): Promise<PostResult> =>
        client.waku.post(
          { topic: topic.topic, payload, key, ttl, pow: config.pow, to: to.peer },
          { signal: context.signal, timeout }
        )
      const whyLost = (): Promise<string | undefined> => client.whyLost(to, { signal: context.signal })
      return await postAll({ send, whyLost }, config.count ?? 1, config.json === true, context)
    } finally {
      await client.close()
    }
  }
})

/** What the peer would refuse is not worth its proof of work, which grows with the time to live. */
function checkTtl(ttl: number | undefined, longest: number): void {
  if (ttl === undefined || ttl <= longest) return
  const limit = formatDuration(longest)
  throw new UsageError(
    `post: --ttl: expected at most ${limit}, got ${formatDuration(ttl)}; where the peer takes more (its --max-ttl), say so with --max-ttl`
  )
}

async function keyFor(topic: TopicChoice, files: KeyFiles, { stderr, signal }: CommandContext): Promise<Uint8Array> {
  const key = await chosenKey(files)
  if (key !== undefined) return key
  if (topic.name === undefined) {
    throw new UsageError('post: a topic in hex has no public channel: needs --key-file or --key-password-file')
  }
  const line = `no key given: using that of the public channel "${printable(topic.name)}", which anybody can derive`
  await writeLine(stderr, `waku-mailserver: ${line}`, { signal })
  return keyFromPassword(topic.name)
}

/** A few at a time; each is reported when the peer answered. */
async function postAll(
  { send, whyLost }: { send(): Promise<PostResult>; whyLost(): Promise<string | undefined> },
  count: number,
  json: boolean,
  context: CommandContext
): Promise<number> {
  let confirmed = 0
  let reason: string | undefined
  let lost: Promise<string | undefined> | undefined
  let next = 0
  const worker = async (): Promise<void> => {
    while (next++ < count && reason === undefined) {
      const result = await send().catch(err => {
        reason ??= (err as Error).message // the others begin no more
        if ((err as Error).name !== 'NotConnectedError') throw err
        lost ??= whyLost().catch(() => undefined)
      })
      if (result === undefined) return
      const refusal = refusalOf(result)
      if (refusal === undefined) confirmed++
      else reason ??= refusal
      if (result.unanswered.length > 0) lost ??= whyLost().catch(() => undefined)
      await writeResult(result, refusal, json, context)
    }
  }
  await Promise.all(Array.from({ length: Math.min(WINDOW, count) }, worker))
  if (reason !== undefined) throw new NotConfirmedError(`${confirmed} of ${count} confirmed: ${(await lost) ?? reason}`)
  return 0
}

function refusalOf({ confirmed, refused }: PostResult): string | undefined {
  if (confirmed.length > 0) return undefined
  const first = refused[0]
  return first === undefined ? 'the peer did not answer in time' : `the peer refused it: ${printable(first.text)}`
}

async function writeResult(
  { envelope }: PostResult,
  refusal: string | undefined,
  json: boolean,
  { stdout, signal }: CommandContext
): Promise<void> {
  const hash = `0x${envelope.hashHex}`
  if (!json) return writeLine(stdout, refusal === undefined ? `${hash} confirmed` : `${hash} not confirmed`, { signal })
  const { sent, expiry, ttl, size } = envelope
  const topic = `0x${toHex(envelope.topic)}`
  await writeJson(stdout, { hash, topic, sent, expiry, ttl, size, confirmed: refusal === undefined }, { signal })
}
