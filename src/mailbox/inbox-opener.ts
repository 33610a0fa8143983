import { openAsymmetric } from '../wire/payload/asymmetric.js'
import type { Opener } from './opener.js'

/** Opens what is sealed for a secp256k1 key. */
export const inboxOpener = (privateKey: Uint8Array): Opener => ({
  name: 'inbox',
  open: data => openAsymmetric(data, privateKey)
})
