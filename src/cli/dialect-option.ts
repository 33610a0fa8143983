import { choiceOption } from '../node/settings/option.js'
import type { PeerAddress } from '../node/settings/peer-address.js'
import { DIALECTS } from '../wire/request/dialect.js'
import type { Dialect } from '../wire/request/history-request.js'
import { askingLibp2p } from '../wire/request/mail-codec.js'
import { UsageError } from './command.js'

export const DIALECT_NAMES = Object.keys(DIALECTS) as Dialect[]

export const dialectOption = choiceOption(DIALECT_NAMES, 'the form of the requests', {
  value: '<name>',
  fallback: 'spec6t, over devp2p sg7, of go-ethereum raw72'
})

/**
 * What a devp2p server reads is known once it answers; those of libp2p all read the same.
 * @throws UsageError
 */
export function checkDialect({ network }: PeerAddress, dialect: Dialect | undefined): void {
  if (network === 'devp2p' || dialect === undefined || askingLibp2p.dialects.includes(dialect)) return
  throw new UsageError(`--dialect: expected one of ${askingLibp2p.dialects.join(', ')} for a server of libp2p`)
}
