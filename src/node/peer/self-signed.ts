import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate
} from 'node:crypto'

/** A private key and its certificate in one PEM text: of P-256, self-signed, without a name that means anything. */
export function selfSigned(validFrom: Date, validTo: Date): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const serial = randomBytes(16)
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40 // positive, and as long as it is
  const content = sequence(
    item(0xa0, item(0x02, Buffer.from([2]))), // version 3
    item(0x02, serial),
    ECDSA_SHA256,
    NAME,
    sequence(time(validFrom), time(validTo)),
    NAME,
    publicKey.export({ type: 'spki', format: 'der' })
  )
  const signature = sign('sha256', content, privateKey)
  const der = sequence(content, ECDSA_SHA256, item(0x03, Buffer.from([0]), signature))
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  return key + pem(der)
}

/** The two again. Throws an `Error` of Node when the text has them not, or when one does not fit the other. */
export function readSelfSigned(text: string): { privateKey: string; certificate: X509Certificate } {
  const certificate = new X509Certificate(text)
  const key = createPrivateKey(text)
  const fits =
    certificate.checkPrivateKey(key) && createPublicKey(key).asymmetricKeyDetails?.namedCurve === 'prime256v1'
  if (!fits) throw new Error('the key is not that of the certificate')
  return { privateKey: key.export({ type: 'pkcs8', format: 'pem' }) as string, certificate }
}

/** As a multiaddr names a certificate: the multihash of its SHA-256, in multibase base64url. */
export function certhashOf({ raw }: X509Certificate): string {
  const digest = createHash('sha256').update(raw).digest()
  return `u${Buffer.concat([Buffer.from([0x12, digest.length]), digest]).toString('base64url')}`
}

// what of DER a certificate needs (RFC 5280)
const ECDSA_SHA256 = sequence(item(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
const NAME = sequence(item(0x31, sequence(item(0x06, Buffer.from('550403', 'hex')), item(0x0c, Buffer.from('waku')))))

function sequence(...parts: Uint8Array[]): Buffer {
  return item(0x30, ...parts)
}

function item(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

/** Two digits of the year until 2049. */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().replace(/[-:T]|\.\d+/g, '')}`
  return date.getUTCFullYear() < 2050 ? item(0x17, Buffer.from(digits.slice(2))) : item(0x18, Buffer.from(digits))
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
