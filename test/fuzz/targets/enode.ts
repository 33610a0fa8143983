import { formatEnode, isEnode, nodeIdFromPeerId, parseEnode, peerIdFromNodeId } from '../../../src/devp2p/enode.js'
import { EnodeError } from '../../../src/devp2p/errors.js'
import { check, checkBytes, checkSame, checkSmall, type FuzzTarget, read, textOf } from '../oracle.js'

export const fuzz: FuzzTarget = input => {
  const text = textOf(input)
  const enode = read(() => parseEnode(text), EnodeError)
  if (enode === undefined) return false
  checkSmall(enode, input)
  check(isEnode(text.trim()), 'read, and no enode URL')
  check(enode.port >= 1 && enode.port <= 65_535, 'a port out of its range')
  check(enode.host !== '', 'no host')
  checkSame(parseEnode(formatEnode(enode)), enode, 'written and read it differs')
  checkBytes(nodeIdFromPeerId(peerIdFromNodeId(enode.id)), enode.id, 'the peer id is that of another')
  return true
}
