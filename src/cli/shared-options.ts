import { byteSizeOption, durationOption, plainOption, switchOption } from '../node/settings/option.js'
import { dataDirOption } from '../node/settings/start-config.js'

export const jsonOption = switchOption('print JSON', { flagOnly: true })

/** Of what writes a file. */
export const forceOption = switchOption('replace the file when it is there', { flagOnly: true })

/** What every command that looks after a data dir takes. */
export const adminShape = { 'data-dir': dataDirOption, json: jsonOption }

export const CLIENT_DATA_DIR = './waku-data/client'

/** `post` and `request` are peers of their own: a variable that names the data dir of a node is not for them. */
export const clientDataDirOption = plainOption('<dir>', 'where this peer keeps its identity and its trust list', {
  fallback: CLIENT_DATA_DIR,
  env: 'client-data-dir'
})

/** A day is far more than any answer takes, and timers count no further than 24 days. */
export const timeoutOption = (about: string) => durationOption(about, { min: 1, max: 86_400 }, { fallback: '20s' })

export const maxBytesOption = byteSizeOption(
  'most bytes taken for one page',
  { min: 1, max: Number.MAX_SAFE_INTEGER },
  { fallback: '64MiB' }
)
