/** What the phone of the mailbox benchmark reads. */
export const CHANNELS: string[] = Array.from({ length: 30 }, (_, i) => `channel ${i}`)
export const CHANNEL_KEY: Uint8Array = new Uint8Array(32).fill(9)
export const LETTERS = 3000
