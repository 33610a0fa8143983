/** Packet codes (6/WAKU1). Any other is ignored. */
export const PacketCode = {
  Status: 0x00,
  Messages: 0x01,
  BatchAck: 0x0b,
  MessageResponse: 0x0c,
  StatusUpdate: 0x16,
  RequestComplete: 0x7d,
  Request: 0x7e,
  P2PMessage: 0x7f
} as const
