import { DisconnectReason } from './disconnect.js'

const REASONS: Readonly<Record<string, DisconnectReason>> = {
  UselessPeerError: DisconnectReason.UselessPeer,
  WakuStoppedError: DisconnectReason.Quitting,
  MailserverStoppedError: DisconnectReason.Quitting
}

/** What a peer is told when a service gives its conversation up: Status late or invalid, or a packet that is none, is 0x10. */
export function partingReason(error: Error): DisconnectReason {
  return REASONS[error.name] ?? DisconnectReason.SubprotocolError
}
