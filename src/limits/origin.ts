/** Who is asking, on whichever network: a peer, and the address that it may share with more of them. */
export interface Origin {
  /** Its PeerId, as text. */
  readonly peer: string
  /** Where it is, as `addressKey` has it. */
  readonly address: string
}
