import { checkName } from '../../mailserver/key-entry.js'
import type { KeyInfo } from '../../mailserver/keyring.js'
import { plainOption, textOption } from '../../node/settings/option.js'
import { PEER_NAME, parsePeerName } from '../../node/settings/peer-address.js'
import { readKey } from '../../node/settings/secret.js'
import { toHex } from '../../wire/bytes.js'
import { withDataDir } from '../admin-session.js'
import { defineCommand, UsageError } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { adminShape } from '../shared-options.js'
import { formatMoment, table } from '../table.js'

const DETAILS =
  'Requests are decrypted with these keys; the one named password is that of the mailserver password, renewed at each start.\n' +
  'A running node takes changes at once.'

/** @throws UsageError */
function nameOf(name: string): string {
  try {
    checkName(name)
    return name
  } catch (err) {
    throw new UsageError(`${(err as Error).message}, got ${JSON.stringify(name)}`)
  }
}

export const keysAdd = defineCommand({
  name: 'keys add',
  about: 'accept requests encrypted with another key',
  operands: ['<name>'],
  details: DETAILS,
  shape: {
    ...adminShape,
    'password-file': plainOption('<file>', 'the key is the one of this password', { flagOnly: true }),
    'key-file': plainOption('<file>', 'the key: 32 bytes, raw or as 64 hex digits', { flagOnly: true }),
    peer: textOption(parsePeerName, PEER_NAME, '<peer>', 'for this peer, and no other key for it', { flagOnly: true })
  },
  async run(config, [name = ''], context) {
    nameOf(name)
    if ((config['password-file'] === undefined) === (config['key-file'] === undefined)) {
      throw new UsageError('keys add: needs one of --password-file and --key-file')
    }
    const key = await readKey({ passwordFile: config['password-file'], keyFile: config['key-file'] })
    if (key === undefined) throw new UsageError('keys add: needs a key')
    const params = { name, key: toHex(key), peer: config.peer?.toString() }
    const entry = await withDataDir(config['data-dir'], context, ask => ask<KeyInfo>('keys.add', params))
    if (config.json === true) await writeJson(context.stdout, entry, context)
    else await writeLine(context.stdout, `key ${name} is on the keyring`, context)
    return 0
  }
})

export const keysRemove = defineCommand({
  name: 'keys remove',
  about: 'accept a key no longer',
  operands: ['<name>'],
  details: DETAILS,
  shape: adminShape,
  async run(config, [name = ''], context) {
    const params = { name: nameOf(name) }
    const { removed } = await withDataDir(config['data-dir'], context, ask =>
      ask<{ removed: boolean }>('keys.remove', params)
    )
    if (config.json === true) await writeJson(context.stdout, { name, removed }, context)
    else await writeLine(context.stdout, removed ? `key ${name} is gone` : `there was no key ${name}`, context)
    return removed ? 0 : 1
  }
})

export const keysList = defineCommand({
  name: 'keys list',
  about: 'list the request keyring, without the keys themselves',
  details: DETAILS,
  shape: adminShape,
  async run(config, _operands, context) {
    const keys = await withDataDir(config['data-dir'], context, ask => ask<KeyInfo[]>('keys.list'))
    if (config.json === true) await writeJson(context.stdout, keys, context)
    else if (keys.length === 0)
      await writeLine(context.stdout, 'no keys yet: start adds the one of the mailserver password', context)
    else await writeLine(context.stdout, table(['name', 'added', 'peer'], keys.map(row)), context)
    return 0
  }
})

function row({ name, added, peer }: KeyInfo): string[] {
  return [name, formatMoment(added), peer ?? 'any']
}
