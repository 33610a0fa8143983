/** A stream on which as many bytes come as the archive holds, and nothing else. */
export const RAW_PROTOCOL = '/bench/raw/1.0.0'
export const PASSWORD = 'benchmark'
/** Of the envelopes that the server holds. */
export const HISTORY_SEED = 1
