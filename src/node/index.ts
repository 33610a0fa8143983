/**
 * What an application in Node may want beside the services: the archive and the records of a node in one LevelDB folder, and the
 * daemon as a whole.
 *
 * @packageDocumentation
 */
import '../base/polyfill.js'

export { type Database, openDatabase } from '../archive/database/database.js'
export { DataDirLockedError } from '../archive/errors.js'
export type { LevelArchive } from '../archive/level/level-archive.js'
export { DigestThread } from './crypto/digest-thread.js'
export { useQuickKeccak } from './crypto/quick-keccak.js'
export { Daemon } from './daemon.js'
export type { DataDir } from './data-dir/data-dir.js'
export type { ReadyFile } from './data-dir/ready-file.js'
export type { Devp2pNode } from './devp2p/devp2p-node.js'
export type { NodeServices } from './node-services.js'
export type { ConfigShape } from './settings/config.js'
export { ConfigError, type ConfigSources, readConfig } from './settings/config.js'
export type { Devp2pListen } from './settings/devp2p-listen.js'
export type { Requester } from './settings/forward-for.js'
export type { PeerAddress } from './settings/peer-address.js'
export { type StartConfig, startShape } from './settings/start-config.js'
export type { TopicChoice } from './settings/topic-choice.js'
