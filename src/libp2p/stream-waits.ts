import type { Stream, StreamCloseEvent } from '@libp2p/interface'
import { FrameStreamClosedError } from './frame-errors.js'

export interface DrainOptions {
  signal?: AbortSignal | undefined
  /** ms until `onStalled` is called, which ends the stream. For ever when absent. */
  limit?: number | undefined
  onStalled(limit: number): void
}

/**
 * Waits until a stream wants more. The stream's own `onDrain` resolves at once from the second time on, and `p-event` leaves its
 * listener on a signal that outlives the wait.
 *
 * @throws {FrameStreamClosedError} when this side is closed, what the stream ended with, or the reason of `signal`
 */
export function drained(stream: Stream, { signal, limit, onStalled }: DrainOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      clearTimeout(timer)
      stream.removeEventListener('drain', onDrain)
      stream.removeEventListener('close', onClose)
      signal?.removeEventListener('abort', onAbort)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onDrain = (): void => settle()
    const onClose = (event: StreamCloseEvent): void =>
      settle(event.error ?? new FrameStreamClosedError('the stream closed while sending'))
    const onAbort = (): void => settle(signal?.reason ?? new Error('aborted'))
    const timer = limit === undefined ? undefined : setTimeout(onStalled, limit, limit)
    stream.addEventListener('drain', onDrain)
    stream.addEventListener('close', onClose)
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort)
    if (stream.writeStatus === 'closed') settle(new FrameStreamClosedError('the stream is closed for writing'))
  })
}

/**
 * Waits until the peer closed its side, or `over` aborted: the stream is over in both directions.
 *
 * @throws the reason of `signal`
 */
export function finished(stream: Stream, over: AbortSignal, signal: AbortSignal): Promise<void> {
  if (over.aborted || stream.readableEnded) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      over.removeEventListener('abort', settle)
      stream.removeEventListener('end', settle)
      signal.removeEventListener('abort', settle)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    over.addEventListener('abort', settle)
    stream.addEventListener('end', settle)
    signal.addEventListener('abort', settle)
    if (signal.aborted) settle()
  })
}
