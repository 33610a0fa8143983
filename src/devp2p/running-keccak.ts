import { keccak_256 } from '@noble/hashes/sha3.js'
import { createKeccak } from 'hash-wasm'

/** A Keccak-256 over all bytes so far that can be read without ending it: what an RLPx MAC is. */
export interface RunningKeccak {
  update(bytes: Uint8Array): void
  /** The digest (32 bytes) of everything up to now. */
  digest(): Uint8Array
}

type IHasher = Awaited<ReturnType<typeof createKeccak>>

/** One WebAssembly instance, and whose state is in it. */
interface Instance {
  hasher: IHasher
  holder: WasmKeccak | undefined
}

/**
 * One instance serves all connections: each keeps only its state of some 400 bytes, and puts that aside when another one comes, or
 * its digest is asked for, which uses it up.
 */
class WasmKeccak implements RunningKeccak {
  readonly #instance: Instance
  #state: Uint8Array
  #digest: Uint8Array | undefined

  constructor(instance: Instance) {
    this.#instance = instance
    if (instance.holder !== undefined) instance.holder.#putAside()
    this.#state = instance.hasher.init().save()
    instance.holder = this
  }

  update(bytes: Uint8Array): void {
    this.#load()
    this.#instance.hasher.update(bytes)
    this.#digest = undefined
  }

  digest(): Uint8Array {
    if (this.#digest !== undefined) return this.#digest
    this.#load()
    this.#putAside()
    this.#digest = this.#instance.hasher.digest('binary')
    return this.#digest
  }

  #load(): void {
    const { hasher, holder } = this.#instance
    if (holder === this) return
    if (holder !== undefined) holder.#putAside()
    hasher.load(this.#state)
    this.#instance.holder = this
  }

  #putAside(): void {
    this.#state = this.#instance.hasher.save()
    this.#instance.holder = undefined
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
    hasher => {
      const instance: Instance = { hasher, holder: undefined }
      return () => new WasmKeccak(instance)
    },
    () => portableKeccak
  )
  return fast
}
