import type { ExportRecord } from '../../transfer/export-item.js'

/** Files of a data dir that a backup holds, by name: the secrets of the node. */
export const BACKUP_FILES = ['identity', 'password', 'webrtc'] as const
/** Names of the node's own records begin so. */
const RECORD = 'record '

export function recordOf(key: string, bytes: Uint8Array): ExportRecord {
  return { name: `${RECORD}${key}`, bytes }
}

/** The key of one of the node's own records; undefined for a file, and for what a newer version wrote. */
export function keyOf({ name }: ExportRecord): string | undefined {
  return name.startsWith(RECORD) ? name.slice(RECORD.length) : undefined
}

export function fileOf({ name }: ExportRecord): (typeof BACKUP_FILES)[number] | undefined {
  return BACKUP_FILES.find(file => file === name)
}
