import '../../../src/base/polyfill.js'
import { getPriority, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { ATTACKS } from './attacks.js'
import { begun, type Target } from './peer.js'

// Peers that attack, in a process of their own: `attacker.js <attack> <target> <addresses> <below | beside> <peers>`, until it is killed.

/** Until all of them have begun, ms. */
const PATIENCE = 10_000
/** From one to the next while it does not, ms. */
const APART = 200

const [name, json = '', addresses = '1', priority = 'below', count] = process.argv.slice(2)
const target: Target = JSON.parse(json)
const attack = ATTACKS.find(other => other.name === name)
if (attack === undefined) throw new Error(`no attack ${name}`)
const peers = Number(count)

// who attacks has a machine of its own: what it computes takes nothing of the node's
if (priority === 'below') setPriority(Math.min(19, getPriority() + 10))
process.on('disconnect', () => process.exit())
process.on('unhandledRejection', () => {})
process.on('uncaughtException', () => {})

/** A new identity for each that was thrown out. */
async function attackFrom(address: string): Promise<never> {
  for (;;) {
    try {
      await attack?.run(target, address)
    } catch {
      // the node defends itself
    }
    await sleep(20)
  }
}

// the node may let few of them in: that is no reason to wait
const latest = performance.now() + PATIENCE
for (let i = 0; i < peers; i++) {
  void attackFrom(`127.0.1.${1 + (i % Number(addresses))}`)
  // a hundred at once, in one process, would on a busy machine all be too late to agree on a connection, again and again
  for (let waited = 0; begun() <= i && waited < APART && performance.now() < latest; waited += 5) await sleep(5)
}
while (begun() < peers && performance.now() < latest) await sleep(50)
process.send?.('attacking')
