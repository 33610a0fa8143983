import { createKeccak } from 'hash-wasm'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope/envelope.js'
import { mineRange, powOf } from '../../src/wire/envelope/pow.js'
import { keccak256, useKeccak } from '../../src/wire/keccak.js'
import { encodeMessages, splitMessages } from '../../src/wire/packet/messages.js'
import { openSymmetric, sealSymmetric } from '../../src/wire/payload/symmetric.js'

// Codec speed on one core: `node dist/scripts/bench/wire.js`.
const SIZES = [440, 8_000]
const SECONDS = 0.5

/** Calls `step` for half a second and prints how often it ran. */
function measure(name: string, size: number, step: () => void, perCall = 1): void {
  for (let i = 0; i < 20; i++) step()
  let calls = 0
  const start = process.hrtime.bigint()
  let elapsed = 0
  while (elapsed < SECONDS) {
    for (let i = 0; i < 10; i++) step()
    calls += 10
    elapsed = Number(process.hrtime.bigint() - start) / 1e9
  }
  const rate = Math.round((calls * perCall) / elapsed)
  process.stdout.write(`${name.padEnd(28)} ${String(size).padStart(6)} bytes ${String(rate).padStart(10)} /s\n`)
}

const wasm = await createKeccak(256)

for (const size of SIZES) {
  const data = new Uint8Array(size).fill(9)
  const { raw } = encodeEnvelope({ expiry: 1_700_000_050, ttl: 50, topic: new Uint8Array(4), data, nonce: 12_345n })
  const page = encodeMessages(Array.from({ length: 100 }, () => raw))
  const key = new Uint8Array(32).fill(1)
  const sealed = sealSymmetric(data, key)
  measure('decode', size, () => decodeEnvelope(raw))
  measure('split a page and decode', size, () => splitMessages(page).map(item => decodeEnvelope(item.raw)), 100)
  for (const [name, hash] of [
    ['noble', undefined],
    ['hash-wasm', (bytes: Uint8Array) => wasm.init().update(bytes).digest('binary')]
  ] as const) {
    useKeccak(hash)
    measure(`hash (${name})`, size, () => keccak256(raw))
    measure(`decode, hash, pow (${name})`, size, () => {
      const envelope = decodeEnvelope(raw)
      return [envelope.hash, powOf(envelope)]
    })
  }
  useKeccak()
  const short = decodeEnvelope(raw).shortRlp()
  measure('nonces tried', size, () => mineRange(short, 256, 0n, 1000), 1000)
  measure('open (symmetric)', size, () => openSymmetric(sealed, key))
}
