import { openDatabase } from '../../src/archive/database/database.js'

// Has a database open until it is ended; says so when it has.
await openDatabase(process.argv[2] as string)
process.send?.('open')
setInterval(() => {}, 60_000)
