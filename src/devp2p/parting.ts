import { MalformedError } from '../wire/errors.js'
import { DisconnectError, DisconnectReason } from './disconnect.js'
import { FrameError, NoRoomError, SnappyError, StalledError } from './errors.js'

const REASONS: Readonly<Record<string, DisconnectReason>> = {
  UselessPeerError: DisconnectReason.UselessPeer,
  WakuStoppedError: DisconnectReason.Quitting,
  MailserverStoppedError: DisconnectReason.Quitting
}

/** What a peer is told when a service gives its conversation up: Status late or invalid, or a packet that is none, is 0x10. */
export function partingReason(error: Error): DisconnectReason {
  return REASONS[error.name] ?? DisconnectReason.SubprotocolError
}

/** What a peer is told when the connection itself cannot go on. */
export function breakReason(error: Error): DisconnectReason {
  if (error instanceof DisconnectError) return error.reason as DisconnectReason
  // others have what it would need
  if (error instanceof NoRoomError) return DisconnectReason.TooManyPeers
  if (error instanceof StalledError) return DisconnectReason.PingTimeout
  if (error instanceof FrameError || error instanceof SnappyError || error instanceof MalformedError) {
    return DisconnectReason.BreachOfProtocol
  }
  return DisconnectReason.NetworkError
}

/** The peer closed the socket without a word. */
export function unexplained(): DisconnectError {
  return new DisconnectError(DisconnectReason.NetworkError, 'remote')
}
