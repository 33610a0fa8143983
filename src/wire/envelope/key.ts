import { pbkdf2Async } from '@noble/hashes/pbkdf2.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { checkString } from '../checks.js'
import { UnencodableError } from '../errors.js'

/** 65356, not 65536: every deployed implementation agrees. */
const ITERATIONS = 65_356
const KEY_BYTES = 32

/**
 * The symmetric key (32 bytes) that a password stands for: PBKDF2 with HMAC-SHA-256, no salt, 65356 iterations.
 * Takes tens to hundreds of milliseconds; keep the result.
 * @throws UnencodableError when it is no string
 */
export async function keyFromPassword(password: string): Promise<Uint8Array> {
  checkString(password, 'a password', UnencodableError)
  return pbkdf2Async(sha256, utf8ToBytes(password), new Uint8Array(0), { c: ITERATIONS, dkLen: KEY_BYTES })
}
