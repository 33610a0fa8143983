const KIB = 1024
const MIB = 1024 * KIB
const SECOND = 1000

/**
 * What a peer can meet. Bytes, milliseconds, or a number of things; a rate is bytes in a millisecond. Where one figure rests on
 * another, it is written so, and `relations` says what must hold between them.
 */
export const FIGURES = {
  /** Who sent in vain is read later: garbage is judged at a steady rate, from one and from all. */
  throttle: {
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
  },
  /** For what arrived and is not read yet. */
  memory: {
    /** All peers of both networks share it, for what is above `perStream`, and on devp2p above `readAhead`. */
    shared: 64 * MIB,
    perStream: 16 * KIB
  },
  /** What one libp2p stream may bring that is not asked for. */
  libp2p: {
    /** Above so many received bytes, a whole frame among them, no more is read. */
    readAhead: 64 * KIB,
    /** What a peer may send ahead of what is read: what yamux begins with. */
    window: 256 * KIB,
    /** Streams that a peer has open on a connection: as many as all protocols allow together. */
    streams: 64,
    /** What a stream that came to no protocol counts as sent in vain: agreeing on one costs what judging so much does. */
    strange: 16 * KIB
  },
  /** What one devp2p connection may use without asking; what is larger is paid for from what all share. */
  devp2p: {
    /** Above so many received bytes that nobody took no more is read; no message above it is read without asking. */
    readAhead: 256 * KIB,
    /** A message above it also waits for what others of its address sent in vain. */
    large: MIB,
    /** What a socket may bring at once. */
    chunk: 64 * KIB
  },
  /** Newcomers of both networks are let in one by one, so that those who are served do not wait for them; times in ms. */
  entrance: {
    /** One for each round of the event loop that took no longer, */
    calm: 1,
    /** and one so often however long they take. */
    atLeastEvery: 10,
    /** Who waited longer has too little time left to agree on a connection. */
    patience: 3 * SECOND
  },
  /** Of devp2p; each takes some milliseconds of ours, and may take none of who replays it. */
  handshakes: {
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
  },
  /** What a libp2p peer says of itself when it connects, in up to ten messages. */
  identify: {
    maxMessage: 3 * KIB,
    /** The first ones are kept. */
    maxProtocols: 64,
    maxAddresses: 16
  },
  /** One packet. */
  packet: {
    /** Beyond so many refused envelopes a packet is given up, unless it brought one new envelope for so many refused. */
    refused: 1024,
    refusedToAccepted: 8
  },
  /**
   * What the pool holds for those that connect later, and for those that change what they want. They have all of it some times;
   * who comes back again and again has it at a steady rate.
   */
  pool: {
    peer: { free: 64 * MIB, rate: (128 * KIB) / SECOND, longest: 10 * SECOND, remembered: 4096 },
    address: { free: 256 * MIB, rate: (512 * KIB) / SECOND, longest: 10 * SECOND, remembered: 4096 },
    /** Who has to look at more entries than these looks in turns, */
    near: 1000,
    /** and rests so many times as long as it looked: what is new, and what is asked, does not wait for what is old. */
    rest: 2
  },
  /** Fair queues: so much is done at a time, and peers take turns for these places, by address. */
  queues: {
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
  },
  /** Requests differ much in what they cost: the address that used least time is next, not the one that had no turn for longest. */
  usedTime: {
    /** What a piece of work counts until it is over, ms. */
    guess: 5,
    /** Addresses. */
    remembered: 1024
  },
  /** What a request makes the archive look through is done in pieces, each in a turn of its own. */
  archive: {
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
  },
  /** The listener for the operator: everybody on the machine can connect to it, and more when it is told so. */
  admin: {
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
  }
} as const
