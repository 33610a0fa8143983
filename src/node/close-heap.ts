import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 collect what nobody needs any more when the heap has grown by half since it did so last. By itself it waits until the heap is
 * two to four times as large, so that peers who ask for much make a node take 100 MiB more than it needs, for no other reason.
 */
export function keepHeapClose(): void {
  setFlagsFromString('--heap-growing-percent=50')
}
