import type { Capability } from '../../src/wire/request/dialect.js'
import { type LegacyNode, type LegacyNodeInit, legacyNode } from '../devp2p/legacy-node.js'
import type { CellScope } from './cell.js'
import { GoPeer, type Program } from './go-peer.js'

/** What is run against this node: a program with one of its capabilities. */
export interface Kind {
  program: Program
  capability: Capability
}

export const GETH: Kind = { program: 'geth', capability: 'shh/6' }
export const STATUS_SHH: Kind = { program: 'statusgo', capability: 'shh/6' }
export const STATUS_WAKU: Kind = { program: 'statusgo', capability: 'waku/0' }
export const KINDS: readonly Kind[] = [GETH, STATUS_SHH, STATUS_WAKU]

export const nameOf = ({ program, capability }: Kind): string => `${program} ${capability}`

export function startPeer(scope: CellScope, { program, capability }: Kind, options: object = {}): Promise<GoPeer> {
  return GoPeer.start(scope, scope.programs, program, { capability, ...options })
}

/** This node, opening requests with the cell's key. */
export function startNode(scope: CellScope, init: LegacyNodeInit = {}): Promise<LegacyNode> {
  return legacyNode(scope, { requestKey: scope.mailKey, waku: { pow: 0.000_01 }, ...init })
}

/** They dial us; resolves when both sides took each other in. */
export async function theyDial(peer: GoPeer, node: LegacyNode, { capability }: Kind): Promise<string> {
  await peer.do('dial', { enode: node.enode })
  const key = keyOf(node)
  await peer.awaitEvent('peer', { peer: key, capability })
  return key
}

/** We dial them; resolves when both sides took each other in. */
export async function weDial(node: LegacyNode, peer: GoPeer, { capability }: Kind) {
  const name = node.devp2p.addAddress(peer.enode)
  await node.waku.connect(name)
  await peer.awaitEvent('peer', { peer: keyOf(node), capability })
  return name
}

/** How Go peers name this node. */
export function keyOf(node: LegacyNode): string {
  return Buffer.from(node.key.id).toString('hex')
}
