import type { X509Certificate } from 'node:crypto'
import { readIfThere, writePrivateFile } from '../data-dir/private-file.js'
import { CertificateError } from './certificate.js'
import { certhashOf, readSelfSigned, selfSigned } from './self-signed.js'

/** As `@libp2p/webrtc` takes it; `certhash` is a part of the node's address. */
export interface WebRtcCertificate {
  /** PEM. */
  privateKey: string
  /** PEM. */
  pem: string
  certhash: string
}

const DAY_MS = 86_400_000
/** Peers compare its hash, and look at no date; a new one is another address. */
const LIFETIME_MS = 20 * 365 * DAY_MS

/**
 * The certificate in a file, made when there is none.
 * @throws CertificateError when the file holds something else, `FileError`
 */
export async function webRtcCertificate(path: string): Promise<WebRtcCertificate> {
  const found = await readIfThere(path)
  if (found !== undefined) return read(found, path)
  const yesterday = Date.now() - DAY_MS // clocks differ
  const made = selfSigned(new Date(yesterday), new Date(yesterday + LIFETIME_MS))
  if (await writePrivateFile(path, made, { exclusive: true })) return read(made, path)
  return read((await readIfThere(path)) ?? '', path)
}

function read(text: string, path: string): WebRtcCertificate {
  let parts: { privateKey: string; certificate: X509Certificate }
  try {
    parts = readSelfSigned(text)
  } catch (cause) {
    throw new CertificateError(
      `${path} does not hold the certificate of WebRTC-direct and its key: restore it, or delete it to get a new one, and ` +
        'with it another address',
      { cause }
    )
  }
  const { privateKey, certificate } = parts
  return { privateKey, pem: certificate.toString(), certhash: certhashOf(certificate) }
}
