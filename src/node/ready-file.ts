import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { writePrivateFile } from './private-file.js'

/** What scripts that started a node wait for. */
export interface ReadyFile {
  peerId: string
  /** Where it listens or what it announces, each with `/p2p/<peer id>`. */
  multiaddrs: string[]
  /** The devp2p name of the node; null while it does not speak devp2p. */
  enode: string | null
  pid: number
}

/** Written whole, once the node serves. */
export async function writeReadyFile(path: string, ready: ReadyFile): Promise<void> {
  await writePrivateFile(resolve(path), `${JSON.stringify(ready)}\n`)
}

/** One of an earlier run must not be taken for this one's. */
export async function removeReadyFile(path: string): Promise<void> {
  await rm(resolve(path), { force: true })
}
