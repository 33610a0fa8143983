import { byteSizeOption, durationOption, plainOption, switchOption } from '../node/settings/option.js'
import { archiveShape, configOption, dataDirOption } from '../node/settings/start-config.js'

export const jsonOption = switchOption('print JSON', { flagOnly: true })

/** Of what writes a file. */
export const forceOption = switchOption('replace the file when it is there', { flagOnly: true })

/** What every command that looks after a data dir takes. */
export const adminShape = { 'data-dir': dataDirOption, json: jsonOption }

/** And what looks after an archive, which may lie elsewhere. A node that runs on the data dir has its own settings for that. */
export const archiveAdminShape = { ...adminShape, config: configOption, ...archiveShape }

export const CLIENT_DATA_DIR = './waku-data/client'

/** `post` and `request` are peers of their own: a variable that names the data dir of a node is not for them. */
export const clientDataDirOption = plainOption('<dir>', 'where this peer keeps its identity and its trust list', {
  fallback: CLIENT_DATA_DIR,
  env: 'client-data-dir'
})

/** How long a peer may take, seconds. */
export const DEFAULT_TIMEOUT = 20

/** A day is far more than any answer takes, and timers count no further than 24 days. */
export const timeoutOption = (about: string) =>
  durationOption(about, { min: 1, max: 86_400 }, { fallback: `${DEFAULT_TIMEOUT}s` })

export const maxBytesOption = byteSizeOption(
  'most bytes taken for one page',
  { min: 1, max: Number.MAX_SAFE_INTEGER },
  { fallback: '64MiB' }
)
