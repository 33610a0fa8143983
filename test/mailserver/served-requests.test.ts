import '../../src/base/polyfill.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from '../../src/mailserver/admission.js'
import { ServedRequests } from '../../src/mailserver/served-requests.js'
import { RequestErrorCode } from '../../src/wire/request/request-error.js'

const id = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

test('an id is fresh once, and nobody is forgotten to make room', () => {
  const served = new ServedRequests(2)
  assert.equal(served.claim(id(1), 100, 50, 'a'), 'fresh')
  assert.equal(served.claim(id(1), 100, 50, 'a'), 'known')
  assert.equal(served.claim(id(2), 200, 50, 'b'), 'fresh')
  assert.equal(served.claim(id(3), 100, 50, 'c'), 'full')
  assert.equal(served.claim(id(3), 300, 100, 'c'), 'full', 'an id is kept through the second in which it ends')
  assert.equal(served.claim(id(1), 100, 100, 'a'), 'known')
  assert.equal(served.claim(id(3), 300, 101, 'c'), 'fresh')
  assert.equal(served.has(id(1), 100), false)
  assert.equal(served.has(id(2), 200), true)
  assert.equal(served.claim(id(4), 300, 101, 'd'), 'full')
})

test('no address takes more room for ids than it leaves to others', () => {
  const served = new ServedRequests(16)
  let next = 0
  const claimed = (address: string): number => {
    let count = 0
    while (served.claim(id(next++), 100, 50, address) === 'fresh') count++
    return count
  }
  assert.deepEqual(['crowd', 'second', 'third'].map(claimed), [8, 4, 2])
  assert.equal(served.claim(id(200), 100, 50, 'honest'), 'fresh')
  assert.equal(served.claim(id(201), 300, 101, 'crowd'), 'fresh', 'what is too old makes room')
})

test('requests under way are bounded, in all and for one peer, and one that ends makes room', () => {
  const admission = new Admission({ max: 4, maxPerPeer: 2 })
  const busy = { name: 'RequestError', code: RequestErrorCode.busy, retryAfter: 2 }
  const enter = (peer: string, address = peer): (() => void) => admission.enter({ peer, address })
  const leave = enter('a')
  enter('a')
  assert.throws(() => enter('a'), busy)
  enter('b')
  enter('c')
  assert.throws(() => enter('d'), busy)
  leave()
  leave()
  assert.equal(admission.total, 3)
  enter('d')
  assert.throws(() => enter('e'), busy)
})

test('one address never has more requests under way than there are places left', () => {
  const admission = new Admission({ max: 12, maxPerPeer: 2 })
  const enter = (peer: string, address: string): (() => void) => admission.enter({ peer, address })
  const fill = (origin: string): number => {
    for (let peers = 0; ; peers++) {
      try {
        enter(`${origin} ${peers}`, origin)
      } catch {
        return peers
      }
    }
  }
  assert.deepEqual(['crowd', 'second', 'third', 'fourth'].map(fill), [6, 3, 1, 1])
  assert.equal(admission.total, 11, 'one is left for a fifth')
})
