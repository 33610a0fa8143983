import type { FuzzTarget } from './oracle.js'

/**
 * A fault behind four conditions, which blind guessing meets once in four thousand million inputs: a fuzzer that does not find it
 * within seconds is not led by what an input reaches, and its silence about the other targets means nothing.
 */
export const fuzz: FuzzTarget = input => {
  if (input[0] === 0x57) {
    if (input[1] === 0x61) {
      if (input[2] === 0x6b) {
        if (input[3] === 0x75) throw new Error('the planted fault')
      }
    }
  }
  return true
}
