import { z } from 'zod'
import { DIALECTS } from '../../wire/request/dialect.js'
import { type Dialect, MAX_REQUEST_TOPICS } from '../../wire/request/history-request.js'

const uint32 = z.int().min(0).max(0xffffffff)
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`))

/** What a backfill is told, as it goes through the control socket: bytes are hex, times Unix seconds. */
export const backfillParams = z.strictObject({
  /** A multiaddr with a peer id, or an enode URL. */
  server: z.string(),
  from: uint32,
  to: uint32,
  topics: z.array(hex(8)).min(1).max(MAX_REQUEST_TOPICS).optional(),
  /** Opens requests at the server; not needed in the forms that are not encrypted. */
  key: hex(64).optional(),
  dialect: z.enum(Object.keys(DIALECTS) as [Dialect, ...Dialect[]]).optional(),
  pow: z.number().min(0).optional(),
  pageSize: uint32.min(1).optional(),
  /** Most bytes of one answer. */
  maxBytes: z.int().min(1).optional(),
  /** Trust the server for this run. */
  trust: z.boolean().optional()
})

export type BackfillParams = z.output<typeof backfillParams>
