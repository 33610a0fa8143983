import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { MemoryDatastore, MountDatastore } from 'datastore-core'
import { IDBDatastore } from 'datastore-idb'
import { Key } from 'interface-datastore'
import { createLibp2p } from 'libp2p'
import { DatastoreArchive, lockStorage, mailclient, StorageLockError, waku } from 'waku-mailserver'

/** IndexedDB keeps trust and messages for one tab at a time; another tab gets a peer that keeps nothing. */
async function openDatastore(name: string) {
  const memory = new MemoryDatastore()
  try {
    await lockStorage(name)
  } catch (err) {
    if (err instanceof StorageLockError) return { datastore: memory, unkept: err.reason }
    throw err
  }
  const disk = new IDBDatastore(name)
  await disk.open()
  const datastore = new MountDatastore([
    // libp2p writes down each stream of each peer before it lets it in: where the disk is full it would let in none
    { prefix: new Key('/peers'), datastore: memory },
    { prefix: new Key('/'), datastore: disk }
  ])
  return { datastore, unkept: undefined }
}

export async function openPeer() {
  const { datastore, unkept } = await openDatastore('waku-mail')
  const node = await createLibp2p({
    datastore,
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // unless told otherwise, libp2p in a browser refuses ws: and private addresses: a server at home has no other
    connectionGater: { denyDialMultiaddr: () => false },
    services: {
      identify: identify(),
      waku: waku({ light: true }), // live envelopes, for itself alone
      mailclient: mailclient() // asks mailservers
    }
  })
  return { node, archive: await DatastoreArchive.open({ datastore }), unkept }
}

export type Peer = Awaited<ReturnType<typeof openPeer>>
