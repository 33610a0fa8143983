import { plainOption, switchOption } from '../node/option.js'
import { dataDirOption } from '../node/start-config.js'

export const jsonOption = switchOption('print JSON', { flagOnly: true })

/** What every command that looks after a data dir takes. */
export const adminShape = { 'data-dir': dataDirOption, json: jsonOption }

export const CLIENT_DATA_DIR = './waku-data/client'

/** `post` and `request` are peers of their own. */
export const clientDataDirOption = plainOption('<dir>', 'where this peer keeps its identity and its trust list', {
  fallback: CLIENT_DATA_DIR
})
