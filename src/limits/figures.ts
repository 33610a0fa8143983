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
    /** So much of one peer costs it nothing: mistakes happen, and clocks differ. */
    free: 64 * KIB,
    /** Of one peer, and of all peers of one address: about a tenth of what a core can judge. */
    rate: (2 * MIB) / SECOND,
    /** Of all addresses that are in debt. */
    rateOfAll: (4 * MIB) / SECOND,
    /** How long one peer waits at most for what it sent itself, */
    longest: 8 * SECOND,
    /** and one that sent in vain for what others of its address did. */
    longestOfAddress: 60 * SECOND,
    /** The debt with which those of an address begin to wait for each other, as time: what is free to one of them. */
    addressLead: (64 * KIB) / ((2 * MIB) / SECOND),
    /** What one that waited counts before it is judged: those who waited together go on one after the other. */
    spacing: 32 * KIB,
    /** A shorter debt of an address is no reason to let new peers of it in more slowly. */
    mishap: SECOND,
    /** Peers, and addresses, whose debts are known. */
    remembered: 4096,
    /** How often it is counted how many are in debt. */
    recount: 100
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
  /** So much is done at a time; peers take turns for these places, by address. */
  turns: {
    /** Messages packets that are judged or stored. */
    packets: 8,
    /** What else a packet brings: what a peer wants, what it confirms. It never waits for the disk. */
    others: 1
  }
} as const
