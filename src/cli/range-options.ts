import { MOMENT, parseMoment } from '../node/settings/moment.js'
import { listOption, textOption } from '../node/settings/option.js'
import { parseTopicChoice, TOPIC } from '../node/settings/topic-choice.js'
import { MAX_UINT32 } from '../wire/bytes.js'
import type { ArchiveSelection } from './archive-link.js'
import { UsageError } from './command.js'

const now = (): number => Math.floor(Date.now() / 1000)
const momentOption = (about: string) =>
  textOption(text => parseMoment(text, now()), MOMENT, '<time>', about, { flagOnly: true })

/** Which envelopes of an archive are moved. */
export const rangeShape = {
  since: momentOption('oldest time sent'),
  until: momentOption('newest time sent'),
  topics: listOption(parseTopicChoice, TOPIC, '<topic,…>', 'which topics', {
    flagOnly: true,
    fallback: 'all',
    some: true
  })
}

/** Throws `UsageError`. */
export function selectionOf(
  command: string,
  config: { since?: number | undefined; until?: number | undefined; topics?: { topic: Uint8Array }[] | undefined }
): ArchiveSelection {
  const { since: lower = 0, until: upper = MAX_UINT32, topics } = config
  if (lower > upper) throw new UsageError(`${command}: --since lies after --until`)
  return { lower, upper, topics: topics?.map(({ topic }) => topic) }
}
