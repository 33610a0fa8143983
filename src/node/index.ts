/**
 * What an application in Node may want beside the services: the archive and the records of a node in one LevelDB folder, and the
 * daemon as a whole.
 *
 * @packageDocumentation
 */
import '../base/polyfill.js'

export { type Database, openDatabase } from '../archive/database.js'
export { DataDirLockedError } from '../archive/errors.js'
export type { LevelArchive } from '../archive/level-archive.js'
export type { ConfigShape } from './config.js'
export { ConfigError, type ConfigSources, readConfig } from './config.js'
export { Daemon } from './daemon.js'
export type { DataDir } from './data-dir.js'
export type { Devp2pListen } from './devp2p-listen.js'
export type { Devp2pNode } from './devp2p-node.js'
export { DigestThread } from './digest-thread.js'
export type { Requester } from './forward-for.js'
export type { NodeServices } from './node-services.js'
export type { PeerAddress } from './peer-address.js'
export { useQuickKeccak } from './quick-keccak.js'
export type { ReadyFile } from './ready-file.js'
export { type StartConfig, startShape } from './start-config.js'
export type { TopicChoice } from './topic-choice.js'
