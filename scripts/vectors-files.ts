import { coverageFile } from './vectors-coverage.js'
import { bloomFile, envelopeFile, kdfFile, payloadFile } from './vectors-envelope.js'
import { type VectorFile, vectorJson } from './vectors-file.js'
import { legacyFiles } from './vectors-legacy.js'
import { completionFile, requestFile } from './vectors-mail.js'
import { malformedFile } from './vectors-malformed.js'
import { frameFile, messagesFile, p2pMessageFile, statusFile } from './vectors-packets.js'

/** The files of protocols/vectors by name: always the same, everything random is fixed. */
export async function vectorFiles(): Promise<Map<string, string>> {
  const files: Record<string, VectorFile> = {
    'bloom.json': bloomFile(),
    'completion.json': completionFile(),
    'coverage.json': coverageFile(),
    'envelope.json': envelopeFile(),
    'frame.json': frameFile(),
    'kdf.json': await kdfFile(),
    ...(await legacyFiles()),
    'malformed.json': malformedFile(),
    'messages.json': messagesFile(),
    'p2p-message.json': p2pMessageFile(),
    'payload.json': payloadFile(),
    'request.json': await requestFile(),
    'status.json': statusFile()
  }
  return new Map(Object.entries(files).map(([name, file]) => [name, vectorJson(file)]))
}
