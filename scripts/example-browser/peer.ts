import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { MemoryDatastore, MountDatastore } from 'datastore-core'
import { IDBDatastore } from 'datastore-idb'
import { Key } from 'interface-datastore'
import { createLibp2p } from 'libp2p'
import { DatastoreArchive, lockStorage, mailbox, mailclient, StorageLockError, waku } from 'waku-mailserver'

/** IndexedDB keeps trust and messages for one tab at a time; another tab gets a peer that keeps nothing but its letters. */
export async function openStorage(name: string) {
  const disk = new IDBDatastore(name)
  const shared = new IDBDatastore(`${name}-letters`)
  await Promise.all([disk.open(), shared.open()])
  const memory = new MemoryDatastore()
  let unkept: StorageLockError['reason'] | undefined
  try {
    await lockStorage(name)
  } catch (err) {
    if (!(err instanceof StorageLockError)) throw err
    unkept = err.reason
  }
  const datastore = new MountDatastore([
    // libp2p writes down each stream of each peer before it lets it in: where the disk is full it would let in none
    { prefix: new Key('/peers'), datastore: memory },
    // tabs share what is to be sent: one of them sends it
    { prefix: new Key('/mailbox'), datastore: shared },
    { prefix: new Key('/'), datastore: unkept === undefined ? disk : memory }
  ])
  return { datastore, archive: await DatastoreArchive.open({ datastore }), unkept }
}

export async function openPeer(
  storage: Awaited<ReturnType<typeof openStorage>>,
  { server, password }: { server: string; password: string }
) {
  const node = await createLibp2p({
    datastore: storage.datastore,
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // unless told otherwise, libp2p in a browser refuses ws: and private addresses: a server at home has no other
    connectionGater: { denyDialMultiaddr: () => false },
    services: {
      identify: identify(),
      waku: waku({ light: true }), // live envelopes, for itself alone
      mailclient: mailclient(), // asks mailservers
      mailbox: mailbox({ servers: [server], password })
    }
  })
  return { ...storage, node }
}

export type Peer = Awaited<ReturnType<typeof openPeer>>
