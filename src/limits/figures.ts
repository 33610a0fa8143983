import { MAX_PACKET } from '../wire/packet/messages.js'
import { MAX_LIMIT } from '../wire/request/request-shape.js'

const KIB = 1024
const MIB = 1024 * KIB
const SECOND = 1000
const MINUTE = 60 * SECOND

/**
 * What a peer can meet, in one table. Bytes, milliseconds, or a number of things; a rate is bytes in a millisecond; what is counted
 * in seconds, as envelopes count, says so. Where one figure rests on another it is written so; test/limits/figures.test.ts says what
 * must hold between them, and looks for figures elsewhere: src/limits/numbers.md names each that stands in another room, and why.
 */

/** Who sent in vain is read later: garbage is judged at a steady rate, from one and from all. */
export const throttle = {
  /** What judging one thing costs beside hashing it, in bytes hashed meanwhile. */
  judgement: KIB,
  /** What trying one key on something costs, as a part of hashing it: a strange request costs all keys. */
  trial: 1 / 4,
  /** The same for a private key, whatever its size: a point is multiplied. */
  agreement: 64 * KIB,
  /** One peer: mistakes happen, and clocks differ; the rate is a tenth of what a core can judge. */
  peer: { free: 64 * KIB, rate: (2 * MIB) / SECOND, longest: 8 * SECOND, remembered: 4096 },
  /** All peers of one address that sent in vain. */
  address: { free: 64 * KIB, rate: (2 * MIB) / SECOND, longest: 60 * SECOND, remembered: 4096 },
  /** Of all addresses that are in debt, or were lately. */
  rateOfAll: (4 * MIB) / SECOND,
  /** Who goes from one address to the next owes little at each: so long ago is lately. */
  lately: 5 * SECOND,
  /** What one that waited counts before it is judged: those who waited together go on one after the other. */
  spacing: 32 * KIB,
  /** A shorter debt of an address is no reason to let new peers of it in more slowly. */
  mishap: SECOND,
  /** How often it is counted how many are in debt. */
  recount: 100
} as const
/** For what arrived and is not read yet. */
export const memory = {
  /** All peers of both networks share it, for what is above `perStream`, and on devp2p above `readAhead`. */
  shared: 32 * MIB,
  perStream: 16 * KIB
} as const
/** What one libp2p stream may bring that is not asked for. */
export const libp2p = {
  /** Above so many received bytes, a whole frame among them, no more is read. */
  readAhead: 64 * KIB,
  /** What a peer may send ahead of what is read: what yamux begins with. */
  window: 256 * KIB,
  /** Streams that a peer has open on a connection: as many as all protocols allow together. */
  streams: 64,
  /** What a stream that came to no protocol counts as sent in vain: agreeing on one costs what judging so much does. */
  strange: 16 * KIB
} as const
export const devp2p = {
  /** Above so many received bytes that nobody took no more is read; no message above it is read without asking. */
  readAhead: 256 * KIB,
  /** A message above it also waits for what others of its address sent in vain. */
  large: MIB,
  /** What a socket may bring at once. */
  chunk: 64 * KIB,
  /**
   * Who brought much while nobody else did so lately has longer turns of the event loop, ms: it opens a tenth less where each ends
   * as soon as those of many.
   */
  alone: { lately: SECOND, turn: 9 },
  /** Connections that peers opened. */
  inbound: 128,
  perAddress: 32,
  /** New connections a second from one address. */
  rate: 32,
  /**
   * To be connected, to agree; without a byte of the peer, who is asked for a Pong so often; while it takes nothing; for room in the memory
   * that all share, over all waits of a message.
   */
  within: {
    connect: 10 * SECOND,
    handshake: 5 * SECOND,
    read: 30 * SECOND,
    ping: 15 * SECOND,
    write: 20 * SECOND,
    room: MINUTE
  },
  /** For its last bytes once the connection is over, and for what a capability has to say and take when it ends. */
  close: SECOND,
  drain: 10 * SECOND,
  /** Two connections this close in time were dialled by both sides at once. */
  simultaneous: 5 * SECOND,
  /** How long one that speaks both families may take for its handshake over waku before the other goes on without. */
  primary: SECOND,
  /** A body once decompressed (EIP-706), and until a Status was read: that fits, a flood does not. */
  maxBody: 16 * MIB,
  maxFirstBody: 128 * KIB,
  /** What a held message costs beside its bytes. */
  message: 256,
  /** Above so many queued bytes senders wait: so much may be ahead of a message that is sent now. */
  sendAhead: 256 * KIB,
  sendersWaiting: 1024,
  /** Requests of ours that may wait for the one under way. */
  asking: 64,
  /** Who sent something within this is still sending. */
  stillSending: SECOND,
  /** A peer that did not notice the end of our last connection refuses us so long, and so often until that is taken for its answer. */
  rebuffs: { patience: MINUTE, enough: 3 }
} as const
/** Connections of libp2p, of all its transports. */
export const connections = {
  max: 1024,
  /** Of these inbound ones may have so many before they give way to those of other addresses; the rest is for who comes meanwhile. */
  shared: 3 / 4,
  /** New ones a second of one address: many clients may come from behind one. libp2p takes 5; the services count per peer. */
  rate: 100,
  /** Sockets that are not agreed with yet: more than four addresses can have open for as long as an upgrade may take. */
  pending: 2048,
  pendingPerAddress: 128,
  /** Until a socket is agreed with; before that as long to become a WebSocket. */
  upgrade: 5 * SECOND,
  /** Without a sign of life after it was asked for one. */
  silence: 30 * SECOND,
  /** One that asked for a web page. */
  httpIdle: SECOND,
  /** Of WebRTC: anyone's datagram begins one, and it is not known whose it is. */
  webRtcHandshakes: 128,
  /** Noise sends messages of 64 KiB; `ws` would buffer 100 MiB of a peer that nobody knows yet. */
  webSocketMessage: MIB,
  /** Records of peers; far more than there are connections. */
  records: 8192
} as const
/** Addresses that are counted within a second, on each network. */
export const addressesPerSecond = 10_000
/** Peers of the operator are dialled again, later each time; who stayed for `steady` is so from the first pause. */
export const redial = { first: SECOND, longest: MINUTE, steady: 30 * SECOND, dial: 20 * SECOND } as const
/** Streams of libp2p, by protocol; places of one peer and of one address, over all their connections. */
export const streams = {
  /** What yamux grants each: libp2p resets one whose unread bytes pass 4 MiB, and a paused reader must stay below that. */
  window: 2 * MIB,
  /** The largest window that yamux grants by default: what a peer may still send after a pause. */
  largestWindow: 16 * MIB,
  /** A stream is read on until so much waits and a whole frame is among it. */
  highWater: 256 * KIB,
  /** A frame that has begun is not stalled while so much of it arrives in that time. */
  progress: 16 * KIB,
  stall: MINUTE,
  /** While the peer takes nothing of what is sent. */
  write: MINUTE,
  /** While it asks, or pushes, nothing. */
  idle: MINUTE,
  /** For the peer to close its side. */
  close: 5 * SECOND,
  /** Those that were replaced may take a few seconds to close; each may hold the largest frame. */
  packets: {
    perPeer: 8,
    perAddress: 256,
    open: 10 * SECOND,
    close: 2 * SECOND,
    /** Frames until a Status came, and whatever is none of envelopes. */
    maxFirstFrame: 128 * KIB,
    /** Streams of one connection that ended before a Status. */
    failures: 32,
    /** Two of one identity leave each other about as long as it takes until a stream is opened again. */
    shortLife: 2 * MINUTE,
    /** Until it is opened again, later each time; who stayed for `steady` is so from the first pause. */
    reopen: { first: SECOND / 2, longest: MINUTE, steady: MINUTE }
  },
  mail: { perPeer: 8, perAddress: 64 },
  push: { perPeer: 2, perAddress: 16 }
} as const
/** A relay ends a connection that carried too much (128 KiB by default). */
export const relayed = {
  /** For a place on it. */
  attempt: 15 * SECOND,
  /** Of what is left a page takes this part at most, and no less than one envelope may have. */
  share: 1 / 4,
  leastPage: 2 * KIB,
  /** With less than this left another connection goes further. */
  worn: 16 * KIB
} as const
/** Newcomers of both networks are let in one by one, so that those who are served do not wait for them; times in ms. */
export const entrance = {
  /** One for each round of the event loop that took no longer, */
  calm: 1,
  /** and one so often however long they take. */
  atLeastEvery: 10,
  /** Who waited longer has too little time left to agree on a connection. */
  patience: 3 * SECOND
} as const
/** Of devp2p; each takes some milliseconds of ours, and may take none of who replays it. */
export const handshakes = {
  /** What one that fails counts as sent in vain by its address. */
  failed: 128 * KIB,
  /** Those that were opened: none is opened again. */
  remembered: 4096,
  /** New connections a second from one address while it is in debt. */
  noisyRate: 2,
  /**
   * So many a second begin, of all addresses in turns, so that they leave most of a core to those who are served; whoever comes
   * faster waits. After a rest so many begin at once.
   */
  rateOfAll: { perSecond: 192, atOnce: 32 },
  /** Sockets that wait or are agreed with: as many as have their turn while one may wait. */
  places: 512
} as const
/** What a libp2p peer says of itself when it connects, in up to ten messages. */
export const identify = {
  maxMessage: 3 * KIB,
  /** The first ones are kept. */
  maxProtocols: 64,
  maxAddresses: 16,
  /** What is told of this node is at most so old. */
  fresh: SECOND
} as const
/** One packet. */
export const packet = {
  /** The largest that every peer takes. */
  max: MAX_PACKET,
  /** Above it a packet is judged before the next one is taken: so long a transport counts what it takes in memory. */
  alone: MIB,
  /** Below it packets do not delay others noticeably, however many wait for the disk together. */
  bulky: 16 * KIB,
  /** Confirmations that wait to be sent, before the peer is not read on. */
  confirmations: MIB,
  /** What is worth hashing in a thread, what may wait for it before packets are hashed where they are judged, and how long. */
  thread: { worth: 8 * KIB, waiting: 16 * MIB, patience: 10 * SECOND },
  /** So many envelopes are judged before it is asked whether everything else is due; so many tell what the rest of one is worth. */
  slice: 16,
  telling: 512,
  /** Beyond so many refused envelopes a packet is given up, unless it brought one new envelope for so many refused. */
  refused: 1024,
  refusedToAccepted: 8
} as const
/**
 * What the pool holds for those that connect later, and for those that change what they want. They have all of it some times;
 * who comes back again and again has it at a steady rate.
 */
export const pool = {
  envelopes: 100_000,
  bytes: 64 * MIB,
  /** Envelopes dated ahead that wait for their time; more are not forwarded. */
  early: { envelopes: 10_000, bytes: 16 * MIB },
  /** A packet is filled up to so much; an envelope that is larger travels alone. */
  pack: { bytes: 128 * KIB, envelopes: 4096 },
  /** So many entries are looked at at a time. */
  look: 1000,
  /** A peer may ask for pauses between packets; none waits longer. */
  longestPause: MINUTE,
  peer: { free: 64 * MIB, rate: (128 * KIB) / SECOND, longest: 10 * SECOND, remembered: 4096 },
  address: { free: 256 * MIB, rate: (512 * KIB) / SECOND, longest: 10 * SECOND, remembered: 4096 },
  /** Who has to look at more entries than these looks in a queue, */
  near: 1000,
  /** and rests so many times as long as it looked: what is new, and what is asked, does not wait for what is old. */
  rest: 2
} as const
/** Fair queues: so much is done at a time, and peers take turns for these places, by address. */
export const queues = {
  /** Handshakes of devp2p: work of the processor alone. */
  handshakes: 1,
  /** Messages of devp2p that are opened, when a turn of the event loop was full. */
  reading: 1,
  /** Messages packets that are judged or stored. */
  packets: 8,
  /** What else a packet brings: what a peer wants, what it confirms. It never waits for the disk. */
  others: 1,
  /** Requests that are decrypted. */
  opening: 1,
  /** Answers that are packed and encrypted. */
  sending: 1,
  /** Looking through the pool from its beginning. */
  pool: 1
} as const
/** A conversation: Status, envelopes, confirmations. */
export const conversation = {
  /** Until the peer's Status is there. */
  status: 5 * SECOND,
  /** Until a peer that an application names is talked to. */
  connect: 30 * SECOND,
  /** For what was accepted to be confirmed when the node stops. */
  stop: 5 * SECOND,
  /** Until everyone confirmed what was posted. */
  post: 10 * SECOND,
  /** Posts that may wait in a peer's stream until it reads. */
  ownBytes: MIB,
  /** Packets to a peer that are not confirmed. */
  inFlight: 8,
  /** Envelopes that are known again. */
  remembered: 200_000,
  /** Messages that subscribers had. */
  delivered: 10_000,
  /** An envelope lives so long at most; seconds. */
  maxTtl: 86_400,
  /** Clocks may differ by so much (6/WAKU1, as deployed); so long envelopes by the values before a change are taken; seconds. */
  clocks: 10,
  /** Values that changed within that; more, and the oldest is no longer honoured. */
  changes: 8,
  /** Signs of two nodes of one identity: so many, no further apart, of so many peers. */
  twins: { enough: 3, window: 10 * MINUTE, peers: 256 }
} as const
/** A request for history, on a mailserver. */
export const request = {
  /** Under way. */
  max: 256,
  maxPerPeer: 8,
  /** That may wait behind the one that is answered, on a stream or a connection; beyond that it is not read. */
  waiting: 4,
  /** Parts of answers that are read from the archive at a time. */
  reading: 4,
  /** Ids of those that were answered. */
  remembered: 256 * KIB,
  /** Dated ahead, and expired, by the clocks of both; seconds. */
  clocks: 10,
  /** Seconds. */
  maxTtl: 300,
  /** One that is refused is worth sending again after so long; seconds. */
  retryAfter: 2,
  /** For those under way when the server stops. */
  stop: 5 * SECOND,
  /** Keys that are tried: those bound to nobody, those of a peer; and all that there are. */
  keys: { unbound: 16, perPeer: 16, all: 10_000 }
} as const
/** An answer. */
export const page = {
  envelopes: MAX_LIMIT,
  bytes: MIB,
  /** A body is sent as soon as it holds so much, */
  full: 192 * KIB,
  /** and before it would hold more than this, unless it is below the least. */
  most: 256 * KIB,
  least: 64 * KIB,
  /** While so many bytes wait to be taken nothing more is read from the archive. */
  ahead: 512 * KIB,
  /** A slice below this is not worth a turn: the next one is read in the same. */
  smallSlice: 64 * KIB,
  /** Pages that are read before they are asked for. */
  kept: { max: 16, maxPerPeer: 2, patience: 2 * SECOND }
} as const
/** What a mailserver meets in a client of ours. */
export const asking = {
  /** Seconds. */
  ttl: 50,
  /** To be connected; for the first packet of an answer, between two, for a page; after an answer whose end is not told; to be back. */
  within: { dial: 15 * SECOND, first: 20 * SECOND, between: 20 * SECOND, page: 2 * MINUTE, quiet: 3 * SECOND },
  reconnect: 2 * MINUTE,
  /** What was silent once is likely to be silent again; a server that is busy without saying for how long is asked more often. */
  retries: { usual: 3, ofSilence: 1, untold: 3 },
  pauses: { first: SECOND / 4, longest: 10 * SECOND, untold: SECOND, longestTold: 30 * SECOND },
  /** Envelopes that were not asked for are dropped, up to so many or twice the limit. */
  foreign: 100,
  /** Pages in a row without a wanted envelope, after which a server is not believed any more that there is more. */
  fruitless: 64,
  /** Requests that were given up and are known again. */
  givenUp: 256,
  /** Of one answer, and of the pages that are fetched ahead. */
  bytes: 64 * MIB,
  windowPages: 2,
  windowBytes: 4 * MIB
} as const
/** Requests differ much in what they cost: the address that used least time is next, not the one that had no turn for longest. */
export const usedTime = {
  /** What a piece of work counts until it is over, ms. */
  guess: 5,
  /** Addresses. */
  remembered: 1024
} as const
/** What a request makes the archive look through is done in pieces, each in a turn of its own. */
export const archive = {
  /** How long a piece may take until the next turn is asked for, ms: several are done at a time. */
  piece: 5,
  /** What a piece that brings envelopes counts: itself and each row in ms, and bytes for each ms. */
  cost: { turn: 1 / 4, row: 1 / 400, bytes: 200 * KIB },
  /**
   * So long after a turn of the event loop that was full, and after one address came behind another, there is one piece at a time,
   * ms: what pieces bring comes all at once. Who is alone has as many as there may be.
   */
  narrow: { full: 20, shared: 200 },
  /** A body of an answer below this is sent without a turn. */
  small: 16 * KIB
} as const
/** Requests that no key here opens, on their way to another mailserver. */
export const upstream = {
  /** Until the first packet, until the completion, both from the request on; for one of several to be connected. */
  within: { first: 4 * SECOND, all: 8 * SECOND, dial: 2 * SECOND },
  /** Of one answer; so many packets of it may bring nothing. */
  answer: { bytes: 64 * MIB, envelopes: 100_000, barren: 100 },
  /**
   * Requests at a time, and over libp2p besides of those alone who ask for little: a server of ours takes twice as many streams of a
   * peer. Over devp2p answers cannot be told apart.
   */
  atOnce: { libp2p: 2, little: 2, devp2p: 1 },
  /**
   * What a turn counts, ms: itself, bytes for each ms, and how much longer than the way there and back it may take before its time
   * counts as well.
   */
  cost: { turn: 1, bytes: 100 * KIB, slack: SECOND / 4 },
  /** Who asks for little: each turn cost so few ms at most; one that cost more counts for the next ones, each time this part of it. */
  appetite: { small: 3, after: 0.9, remembered: 1024 },
  /**
   * What came and its requesters did not take, of all of them, and what an envelope there counts beside its bytes. Who has more than
   * its address leaves to others lets the upstream wait.
   */
  ahead: { bytes: 48 * MIB, envelope: 256 },
  /** Parts are passed on in bodies of about this size; an envelope that is larger alone. */
  part: 256 * KIB,
  /** Bytes that a requester may have forwarded in an hour, an address so many times as much: a new identity brings no new allowance. */
  allowance: { bytes: 256 * MIB, address: 4, remembered: 10_000 },
  /** Who has less left than these bytes waits so many seconds. */
  spent: { least: MIB, pause: 60 },
  /** Under way or waiting. */
  requests: 64,
  requestsPerPeer: 4,
  /** How long one that takes slowly keeps an upstream from others, how often it is asked whether there are any, and what it counts as. */
  slow: { patience: 50, recheck: 50, cost: 16 * MIB },
  /** One that failed is asked after the others for so long. */
  failure: 30 * SECOND,
  /** A request that comes again so soon has gone round in a circle. */
  circle: { within: 30 * SECOND, remembered: 4096 }
} as const
/** The listener for the operator: everybody on the machine can connect to it, and more when it is told so. */
export const admin = {
  /** Above it the connection that has waited longest without a request gives way. */
  connections: 128,
  /** Answered at a time; others are told to try again. */
  requests: 32,
  maxHeaders: 8 * KIB,
  maxBody: 16 * KIB,
  /** Until the head of a request is there, and until all of it is. */
  headTime: 5 * SECOND,
  requestTime: 10 * SECOND,
  /** Without a byte in either direction. */
  idle: 20 * SECOND,
  /** Who follows events, and how often there are some. */
  followers: 16,
  followEvery: 2 * SECOND,
  /** What a follower that does not read is behind when it ends. */
  unread: 256 * KIB
} as const
