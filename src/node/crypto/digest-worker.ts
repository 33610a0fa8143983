import { parentPort } from 'node:worker_threads'
import { release } from '../../base/release.js'
import { digestPacket } from '../../wire/packet/packet-digests.js'
import type { DigestAnswer, DigestTask } from './digest-thread.js'
import { useQuickKeccak } from './quick-keccak.js'

function answer({ body, ...options }: DigestTask): DigestAnswer {
  try {
    return digestPacket(body, options)
  } catch {
    // who judges the packet says what is wrong with it
    return undefined
  } finally {
    // a copy, which nobody else has
    release(body)
  }
}

// what is no envelope is told by an error, whose stack nobody reads
Error.stackTraceLimit = 0
await useQuickKeccak()
parentPort?.on('message', (task: DigestTask | 'ready') => {
  const bytes = task === 'ready' ? undefined : answer(task)
  parentPort?.postMessage(bytes, bytes === undefined ? [] : [bytes.buffer as ArrayBuffer])
})
