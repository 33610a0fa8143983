import { readKey } from '../node/settings/secret.js'
import type { TopicChoice } from '../node/settings/topic-choice.js'
import { keyFromPassword } from '../wire/envelope/key.js'
import { topicNumber } from '../wire/envelope/topic.js'
import { UsageError } from './command.js'

export interface KeyFiles {
  'key-file'?: string | undefined
  'key-password-file'?: string | undefined
}

/** The message key that the user named, if any. */
export async function chosenKey(files: KeyFiles): Promise<Uint8Array | undefined> {
  if (files['key-file'] !== undefined && files['key-password-file'] !== undefined) {
    throw new UsageError('--key-file and --key-password-file exclude each other')
  }
  return readKey({ keyFile: files['key-file'], passwordFile: files['key-password-file'] })
}

/** Which keys may open the messages of a topic: the one that was named, or those of the topics' public channels. */
export async function topicKeys(
  topics: readonly TopicChoice[],
  files: KeyFiles
): Promise<(topic: Uint8Array) => readonly Uint8Array[]> {
  const chosen = await chosenKey(files)
  if (chosen !== undefined) return () => [chosen]
  const keys = new Map<number, Uint8Array[]>()
  for (const { topic, name } of topics) {
    if (name === undefined) continue
    const number = topicNumber(topic)
    // two names may share the four bytes
    keys.set(number, [...(keys.get(number) ?? []), await keyFromPassword(name)])
  }
  return topic => keys.get(topicNumber(topic)) ?? []
}
