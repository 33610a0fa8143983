import { keccak_256 } from '@noble/hashes/sha3.js'
import { createKeccak } from 'hash-wasm'

/** A Keccak-256 over all bytes so far that can be read without ending it: what an RLPx MAC is. */
export interface RunningKeccak {
  update(bytes: Uint8Array): void
  /** The digest (32 bytes) of everything up to now. */
  digest(): Uint8Array
}

type IHasher = Awaited<ReturnType<typeof createKeccak>>

/** One WebAssembly instance serves all connections: each keeps only its state of some 400 bytes. */
class WasmKeccak implements RunningKeccak {
  readonly #hasher: IHasher
  #state: Uint8Array
  #digest: Uint8Array | undefined

  constructor(hasher: IHasher) {
    this.#hasher = hasher
    this.#state = hasher.init().save()
  }

  update(bytes: Uint8Array): void {
    const hasher = this.#hasher
    hasher.load(this.#state)
    hasher.update(bytes)
    this.#state = hasher.save()
    // Nearly every update is followed by a digest, which is cheapest while the state is loaded.
    this.#digest = hasher.digest('binary')
  }

  digest(): Uint8Array {
    this.#digest ??= this.#hasher.load(this.#state).digest('binary')
    return this.#digest
  }
}

class NobleKeccak implements RunningKeccak {
  readonly #hash = keccak_256.create()
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }
  digest(): Uint8Array {
    return this.#hash.clone().digest()
  }
}

export type KeccakFactory = () => RunningKeccak

export const portableKeccak: KeccakFactory = () => new NobleKeccak()

let fast: Promise<KeccakFactory> | undefined

/** The fastest there is: hash-wasm, or the portable one where WebAssembly is not to be had. */
export function fastKeccak(): Promise<KeccakFactory> {
  fast ??= createKeccak(256).then(
    hasher => () => new WasmKeccak(hasher),
    () => portableKeccak
  )
  return fast
}
