import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { fileTrouble } from '../data-dir/file-trouble.js'

/** The certificate or its key cannot be used; the message says why and never quotes them. */
export class CertificateError extends Error {
  static override readonly name = 'CertificateError'
  override readonly name = 'CertificateError'
}

export interface CertificateFiles {
  /** PEM, the chain. */
  cert: string
  /** PEM, without a passphrase. */
  key: string
}

/** A chain and its key, which fit together. */
export interface Certificate extends CertificateFiles {
  /** Unix ms. */
  readonly validFrom: number
  readonly validTo: number
}

/** Reads both files. Throws `CertificateError`. */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([read(files.cert), read(files.key)])
  try {
    const first = new X509Certificate(cert)
    if (!first.checkPrivateKey(privateKey(key, files))) {
      throw new CertificateError(`the key in ${files.key} is not that of the certificate in ${files.cert}`)
    }
    createSecureContext({ cert, key })
    return { cert, key, validFrom: Date.parse(first.validFrom), validTo: Date.parse(first.validTo) }
  } catch (cause) {
    if (cause instanceof CertificateError) throw cause
    throw new CertificateError(`${files.cert} holds no certificate in PEM form`, { cause })
  }
}

/** What clients will refuse about a certificate; undefined when its time is right. */
export function untimely({ validFrom, validTo }: Certificate, now = Date.now()): string | undefined {
  if (now > validTo) return `the certificate expired on ${new Date(validTo).toISOString()}: browsers refuse it`
  if (now < validFrom) return `the certificate is not valid before ${new Date(validFrom).toISOString()}`
  return undefined
}

/** Tells a change of the files by their times and sizes, also behind symbolic links. */
export async function versionOf({ cert, key }: CertificateFiles): Promise<string> {
  const stats = await Promise.all([cert, key].map(path => stat(path).catch(() => undefined)))
  return stats.map(found => `${found?.ino}/${found?.size}/${found?.mtimeMs}`).join()
}

function privateKey(key: string, files: CertificateFiles): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(key)
  } catch (cause) {
    throw new CertificateError(`${files.key} holds no private key in PEM form, or one with a passphrase`, { cause })
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new CertificateError(`cannot read ${path}: ${fileTrouble(cause)}`, { cause })
  }
}
