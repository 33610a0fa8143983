import type { DoctorParams, Examination } from '../../node/operator/doctor.js'
import { plainOption, textOption } from '../../node/settings/option.js'
import { formatPeerAddress, PEER_ADDRESS, parsePeerAddress } from '../../node/settings/peer-address.js'
import { readKey } from '../../node/settings/secret.js'
import { toHex } from '../../wire/bytes.js'
import { withDataDir } from '../admin-session.js'
import { defineCommand, UsageError } from '../command.js'
import { writeJson, writeLine } from '../output.js'
import { adminShape } from '../shared-options.js'
import { table } from '../table.js'

export const doctor = defineCommand({
  name: 'doctor',
  about: 'check the node with a message of its own, and say what is wrong',
  details:
    'The node that runs on the data dir posts an envelope to itself over TCP, lets its time to live pass, and fetches it over a\n' +
    'second connection; with --through, another one from that mailserver, which has to be a peer that hears what this node hears.\n' +
    'The exit code is 0 when no check fails; a warning is no failure. Takes some seconds.',
  shape: {
    ...adminShape,
    through: textOption(parsePeerAddress, PEER_ADDRESS, '<peer>', 'another mailserver to fetch from as well', {
      flagOnly: true
    }),
    'through-password-file': plainOption('<file>', 'the password of that mailserver', { flagOnly: true })
  },
  async run(config, _operands, context) {
    const { through } = config
    const key = await readKey({ passwordFile: config['through-password-file'] })
    if ((through === undefined) !== (key === undefined)) {
      throw new UsageError('doctor: --through and --through-password-file need each other')
    }
    const params: DoctorParams =
      through === undefined || key === undefined
        ? {}
        : { through: { server: formatPeerAddress(through), key: toHex(key) } }
    const found = await withDataDir(config['data-dir'], context, ask => ask<Examination>('doctor', params))
    const all = [...found.checks, ...(found.through === undefined ? [] : [{ name: 'through', ...found.through }])]
    const healthy = all.every(({ status }) => status !== 'failed')
    if (config.json === true) await writeJson(context.stdout, { healthy, ...found }, context)
    else {
      const rows = all.map(({ name, status, reason }) => [status, name, reason])
      await writeLine(context.stdout, table(['state', 'check', 'why'], rows), context)
    }
    return healthy ? 0 : 1
  }
})
