export { Miner } from './miner.js'
export { Poster } from './post.js'
