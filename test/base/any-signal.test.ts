import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { anySignal } from '../../src/base/any-signal.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const outer = new AbortController()
const deadline = (): AbortSignal => anySignal([outer.signal, AbortSignal.timeout(300)])

for (const [name, made] of [
  ['a deadline among others', deadline],
  ['one of a signal that has it', () => anySignal([deadline()])]
] as const)
  test(`${name} comes, however often memory is collected before`, async t => {
    const collecting = setInterval(collect, 20)
    t.after(() => clearInterval(collecting))
    const came = new Promise(resolve => made().addEventListener('abort', () => resolve('came')))
    const never = new Promise(resolve => setTimeout(resolve, 10_000, 'never').unref())
    assert.equal(await Promise.race([came, never]), 'came')
  })
