// The code of Keccak-f[1600] in WebAssembly, written out here. What a compiler made of C keeps the state in memory from step to step, and
// takes half as long again as this, which keeps it in locals.

/** Bytes that are absorbed before each permutation. */
export const RATE = 136
/** Of the state, which is at the beginning of memory: 25 lanes of 64 bits, little-endian. */
export const STATE = 200
/** Where the constants of the rounds are expected in memory, 64 bits each. */
export const CONSTANTS_AT = 256
/** From here on memory is for what is absorbed. */
export const INPUT_AT = 512
/** All of memory. */
export const MEMORY = 65_536

const ROUNDS = 24
const SIDE = 5

// types, and instructions
const [I32, I64] = [0x7f, 0x7e]
const [LOOP, NO_RESULT, END] = [0x03, 0x40, 0x0b]
const AGAIN_IF = [0x0d, 0]
const [ADD_32, DIFFERS_32] = [0x6a, 0x47]
const [AND, XOR, ROTATE] = [0x83, 0x85, 0x89]

/** Bytes, put into each other as they belong together. */
type Code = (number | Code)[]

// locals: the two parameters, where in the constants a round is, the state, and what a round makes of it on the way
const [AT, STOP, ROUND, LANES] = [0, 1, 2, 64]
const lane = (i: number): number => 3 + i
const moved = (i: number): number => 28 + i
const column = (x: number): number => 53 + (x % SIDE)
const beside = (x: number): number => 58 + (x % SIDE)

const get = (local: number): Code => [0x20, local]
const set = (local: number): Code => [0x21, local]
const tee = (local: number): Code => [0x22, local]
const int32 = (value: number): Code => [0x41, signed(value)]
const int64 = (value: number): Code => [0x42, signed(value)]
/** Of the address on the stack and an offset. */
const load = (offset: number): Code => [0x29, 3, unsigned(offset)]
const store = (offset: number): Code => [0x37, 3, unsigned(offset)]

/** A module that exports `memory` and `absorb(at, stop)`, which takes the blocks from one address up to another, one at least, into the state. */
export function keccakModule(): Uint8Array<ArrayBuffer> {
  const body: Code = [
    list([
      [1, I32],
      [LANES, I64]
    ]),
    absorb()
  ]
  const bytes = [
    [0, name('asm').slice(1), 1, 0, 0, 0],
    section(1, list([[0x60, list([I32, I32]), list([])]])),
    section(3, list([0])),
    section(5, list([[0, MEMORY / 65_536]])),
    section(
      7,
      list([
        [name('memory'), 2, 0],
        [name('absorb'), 0, 0]
      ])
    ),
    section(10, list([sized(body)]))
  ]
  return Uint8Array.from(flat(bytes))
}

/** The constants of the rounds, of 64 bits, by the shift register of FIPS 202. */
export function roundConstants(): bigint[] {
  let register = 1
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n
    for (let bit = 1; bit <= 64; bit *= 2) {
      if (register & 1) constant |= 1n << BigInt(bit - 1)
      register = (register << 1) ^ ((register >> 7) * 0x171)
    }
    return constant
  })
}

function absorb(): Code {
  const state = Array.from({ length: SIDE * SIDE }, (_, i) => i)
  return [
    state.map((i): Code => [int32(0), load(8 * i), set(lane(i))]),
    [LOOP, NO_RESULT],
    state.slice(0, RATE / 8).map((i): Code => [get(lane(i)), get(AT), load(8 * i), XOR, set(lane(i))]),
    [int32(0), set(ROUND)],
    [LOOP, NO_RESULT, round(), get(ROUND), int32(8), ADD_32, tee(ROUND), int32(8 * ROUNDS), DIFFERS_32, AGAIN_IF, END],
    [get(AT), int32(RATE), ADD_32, tee(AT), get(STOP), DIFFERS_32, AGAIN_IF, END],
    state.map((i): Code => [int32(0), get(lane(i)), store(8 * i)]),
    END
  ]
}

function round(): Code {
  const code: Code = []
  for (let x = 0; x < SIDE; x++) {
    const others = [1, 2, 3, 4].map((y): Code => [get(lane(x + SIDE * y)), XOR])
    code.push(get(lane(x)), others, set(column(x)))
  }
  for (let x = 0; x < SIDE; x++)
    code.push(get(column(x + 4)), get(column(x + 1)), int64(1), ROTATE, XOR, set(beside(x)))
  const rotations = rotationsOf()
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const from = x + SIDE * y
      const to = y + SIDE * ((2 * x + 3 * y) % SIDE)
      code.push(get(lane(from)), get(beside(x)), XOR, int64(rotations[from] as number), ROTATE, set(moved(to)))
    }
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const [here, next, after] = [0, 1, 2].map(by => get(moved(((x + by) % SIDE) + SIDE * y))) as [Code, Code, Code]
      const constant: Code = x + y === 0 ? [get(ROUND), load(CONSTANTS_AT), XOR] : []
      code.push(here, next, int64(-1), XOR, after, AND, XOR, constant, set(lane(x + SIDE * y)))
    }
  return code
}

/** By how many bits each lane is rotated. */
function rotationsOf(): number[] {
  const rotations = new Array<number>(SIDE * SIDE).fill(0)
  let [x, y] = [1, 0]
  for (let t = 0; t < ROUNDS; t++) {
    rotations[x + SIDE * y] = (((t + 1) * (t + 2)) / 2) % 64
    ;[x, y] = [y, (2 * x + 3 * y) % SIDE]
  }
  return rotations
}

const flat = (code: Code): number[] => code.flatMap(part => (typeof part === 'number' ? part : flat(part)))
const sized = (code: Code): Code => [unsigned(flat(code).length), code]
const list = (items: Code): Code => [unsigned(items.length), items]
const section = (id: number, code: Code): Code => [id, sized(code)]
const name = (text: string): Code => list([...new TextEncoder().encode(text)])

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, unsigned(value >>> 7)]
}

function signed(value: number): Code {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, signed(value >> 7)]
}
