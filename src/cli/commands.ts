import type { Command } from './command.js'
import { archiveCopy } from './commands/archive.js'
import { backfill } from './commands/backfill.js'
import { backup } from './commands/backup.js'
import { completionOf } from './commands/completion.js'
import { doctor } from './commands/doctor.js'
import { exportCommand } from './commands/export.js'
import { id } from './commands/id.js'
import { importCommand } from './commands/import.js'
import { keysAdd, keysList, keysRemove } from './commands/keys.js'
import { post } from './commands/post.js'
import { prune } from './commands/prune.js'
import { request } from './commands/request.js'
import { restore } from './commands/restore.js'
import { start } from './commands/start.js'
import { stats } from './commands/stats.js'
import { top } from './commands/top.js'
import { trustAdd, trustList, trustRemove } from './commands/trust.js'
import { repair, verify } from './commands/verify.js'

/** Every command of the program, in the order of the help. */
export const commands: readonly Command[] = [
  start,
  id,
  post,
  request,
  trustAdd,
  trustRemove,
  trustList,
  keysAdd,
  keysRemove,
  keysList,
  stats,
  prune,
  verify,
  repair,
  doctor,
  top,
  backfill,
  importCommand,
  exportCommand,
  backup,
  restore,
  archiveCopy,
  completionOf(() => commands)
]
