import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** One packet of a recorded session, seen from the client. */
export interface RecordedPacket {
  dir: 'in' | 'out'
  code: number
  name: string
  payload: string
}

export interface RecordedSession {
  file: string
  proto: 'waku/1' | 'waku/0' | 'shh/6'
  password?: string
  messages: RecordedPacket[]
}

/** Vectors recorded from deployed programs, where `VECTORS_DIR` says they are; a file that is missing there fails. */
export function recordedVectors<T>(context: TestContext, name: string): T | undefined {
  const folder = process.env.VECTORS_DIR
  if (folder === undefined || folder === '') {
    context.diagnostic('VECTORS_DIR is not set: nothing compared')
    return undefined
  }
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as T
}

export function recordedSessions(context: TestContext): RecordedSession[] {
  const folder = process.env.VECTORS_DIR
  if (folder === undefined || folder === '') {
    context.diagnostic('VECTORS_DIR is not set: nothing compared')
    return []
  }
  const names = readdirSync(join(folder, 'transcripts')).filter(name => name.endsWith('.json'))
  return names.sort().map(file => ({
    file,
    ...(JSON.parse(readFileSync(join(folder, 'transcripts', file), 'utf8')) as Omit<RecordedSession, 'file'>)
  }))
}
