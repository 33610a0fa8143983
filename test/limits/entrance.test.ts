import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Entrance, type EventLoop } from '../../src/limits/entrance.js'
import * as FIGURES from '../../src/limits/figures.js'

const { calm, atLeastEvery, patience } = FIGURES.entrance

/** An event loop whose rounds last as long as a test says. */
class Rounds implements EventLoop {
  #now = 1000
  #task: (() => void) | undefined

  now(): number {
    return this.#now
  }

  next(task: () => void): void {
    this.#task = task
  }

  /** Whether somebody wants to be told of the end of this round. */
  get watched(): boolean {
    return this.#task !== undefined
  }

  async round(ms: number): Promise<void> {
    this.#now += ms
    const task = this.#task
    this.#task = undefined
    task?.()
    await Promise.resolve()
  }
}

function make() {
  const loop = new Rounds()
  let waited = 0
  const entrance = new Entrance(() => waited++, loop)
  const entered: string[] = []
  const come = (address: string, name = address): void =>
    void entrance.enter(address).then(may => entered.push(may ? name : `not ${name}`))
  return { loop, come, entered, waited: () => waited }
}

test('while nothing else is to do a newcomer is let in within its round, and nobody watches the loop afterwards', async () => {
  const { loop, come, entered, waited } = make()
  come('a')
  assert.deepEqual(entered, [])
  await loop.round(calm / 2)
  assert.deepEqual(entered, ['a'])
  assert.equal(waited(), 0)
  assert.equal(loop.watched, false)
})

test('newcomers wait while rounds are long, but one comes in now and then', async () => {
  const { loop, come, entered, waited } = make()
  come('a')
  await loop.round(0)
  for (const name of ['b', 'c', 'd']) come(name)
  await loop.round(calm + 1)
  assert.deepEqual(entered, ['a'])
  await loop.round(atLeastEvery)
  assert.deepEqual(entered, ['a', 'b'])
  await loop.round(calm + 1)
  assert.deepEqual(entered, ['a', 'b'])
  for (let i = 0; i < 2; i++) await loop.round(calm)
  assert.deepEqual(entered, ['a', 'b', 'c', 'd'])
  assert.equal(waited(), 3)
})

test('addresses take turns, however many of one wait', async () => {
  const { loop, come, entered } = make()
  for (let i = 0; i < 4; i++) come('a', `a${i}`)
  come('b')
  for (let i = 0; i < 5; i++) await loop.round(0)
  assert.deepEqual(entered, ['a0', 'b', 'a1', 'a2', 'a3'])
})

test('who waited for too long to agree in time is turned away, without a turn of the others', async () => {
  const { loop, come, entered } = make()
  come('a')
  come('b')
  await loop.round(0)
  await loop.round(patience - 1)
  assert.deepEqual(entered, ['a', 'b'])
  for (const name of ['c', 'd']) come(name)
  await loop.round(patience + 1)
  come('e')
  await loop.round(0)
  assert.deepEqual(entered, ['a', 'b', 'not c', 'not d', 'e'])
})
