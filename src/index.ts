/**
 * A Waku v1 mailserver as libp2p services.
 *
 * - `waku()` is the base node: live envelopes to and from peers.
 * - `mailserver()` archives what the base node accepts and delivers it later.
 * - `mailclient()` fetches history from trusted mailservers.
 * - `mailbox()` rests on the first and the last: it sends messages that arrive, and reads all that arrived.
 *
 * @packageDocumentation
 */
import './base/polyfill.js'
import { MailboxService, type MailboxServiceComponents, type MailboxServiceInit } from './libp2p/mailbox-service.js'
import {
  MailClientService,
  type MailClientServiceComponents,
  type MailClientServiceInit
} from './libp2p/mailclient-service.js'
import {
  MailserverService,
  type MailserverServiceComponents,
  type MailserverServiceInit
} from './libp2p/mailserver-service.js'
import { WakuService, type WakuServiceComponents } from './libp2p/waku-service.js'
import type { WakuInit } from './waku/settings.js'

/** The base node service; needs identify beside it. */
export function waku(init: WakuInit = {}): (components: WakuServiceComponents) => WakuService {
  return components => new WakuService(components, init)
}

/** The mailserver service; needs `waku()` beside it. */
export function mailserver(
  init: MailserverServiceInit = {}
): (components: MailserverServiceComponents) => MailserverService {
  return components => new MailserverService(components, init)
}

/** The mail client service; needs `waku()` beside it. */
export function mailclient(
  init: MailClientServiceInit = {}
): (components: MailClientServiceComponents) => MailClientService {
  return components => new MailClientService(components, init)
}

/** The mailbox service; needs `waku()` and `mailclient()` beside it. */
export function mailbox(init: MailboxServiceInit): (components: MailboxServiceComponents) => MailboxService {
  return components => new MailboxService(components, init)
}

export type {
  AppendOutcome,
  Archive,
  ArchiveCoverage,
  ArchiveDamage,
  ArchiveEnd,
  ArchiveFilter,
  ArchiveQuery,
  ArchiveRow,
  ArchiveSize,
  ArchiveStats,
  ArchiveTrim,
  ArchiveTrimmed,
  ArchiveWatcher,
  DigestQuery,
  SequencedRow,
  SequenceEnd,
  SequenceQuery
} from './archive/archive.js'
export type { DatastoreArchiveInit } from './archive/datastore/datastore-archive.js'
export { DatastoreArchive } from './archive/datastore/datastore-archive.js'
export * from './archive/errors.js'
export type { RetentionRules, TopicRetention } from './archive/retention-rules.js'
export type { PeerTarget } from './base/peer-target.js'
export { lockStorage, StorageLockError } from './base/storage-lock.js'
export { type DialFailure, dialFailure } from './libp2p/dial-failure.js'
export { MAIL_PROTOCOL } from './libp2p/mail-protocol.js'
export type { MailboxService, MailboxServiceComponents, MailboxServiceInit } from './libp2p/mailbox-service.js'
export type {
  MailClientService,
  MailClientServiceComponents,
  MailClientServiceInit
} from './libp2p/mailclient-service.js'
export type { MailserverPreset } from './libp2p/mailserver-defaults.js'
export { mailserverDefaults } from './libp2p/mailserver-defaults.js'
export type {
  MailserverService,
  MailserverServiceComponents,
  MailserverServiceInit
} from './libp2p/mailserver-service.js'
export { PACKETS_PROTOCOL } from './libp2p/packet-protocol.js'
export { PUSH_PROTOCOL } from './libp2p/push-protocol.js'
export { MissingMailClientError, MissingWakuError } from './libp2p/service-lookup.js'
export type { WakuService, WakuServiceComponents } from './libp2p/waku-service.js'
export type { ServerChange } from './mailbox/conversations.js'
export * from './mailbox/errors.js'
export type * from './mailbox/items.js'
export type { Split } from './mailbox/lane.js'
export type { OutgoingMessage } from './mailbox/letter.js'
export type { MailboxComponents, MailboxEvents } from './mailbox/mailbox.js'
export type { MessagesQuery, TopicChoice } from './mailbox/messages-query.js'
export type { Recipient } from './mailbox/recipient.js'
export type { LetterChange, LetterRefusal, LetterState, SentLetter } from './mailbox/sent-letter.js'
export type { MailboxInit, MailboxServer } from './mailbox/settings.js'
export type { DigestAsked, RangeDigest } from './mailclient/digest-query.js'
export * from './mailclient/errors.js'
export type { HistoryCursor } from './mailclient/history-cursor.js'
export type { HistoryQuery } from './mailclient/history-query.js'
export type { HistoryPage } from './mailclient/history-walk.js'
export type { ServerReport } from './mailclient/mail-client.js'
export * from './mailserver/errors.js'
export type { KeyEntry } from './mailserver/key-entry.js'
export type { KeyInfo, Keyring } from './mailserver/keyring.js'
export type { RequestForwarder } from './mailserver/request-forwarder.js'
export type { RequestPolicy, RequestPolicyInit, SignatureRule } from './mailserver/request-policy.js'
export type { TrustEntry, TrustOptions } from './trust/trust-entry.js'
export type { TrustChange, TrustList, TrustListEvents } from './trust/trust-list.js'
export * from './waku/errors.js'
export * from './waku/mail-errors.js'
export type { MailDialler, RequestHandler } from './waku/mail-exchange.js'
export type { Message, PostResult, SealedMessage } from './waku/message.js'
export type { Network } from './waku/packet-channel.js'
export type { PacketDigester } from './waku/packet-digester.js'
export type { WakuInit } from './waku/settings.js'
export type { MessageFilter, ReceivedMessage } from './waku/subscription.js'
export type { Waku, WakuPeer } from './waku/waku.js'
export { bloomOf, fullBloom, topicBloom } from './wire/envelope/bloom.js'
export {
  decodeEnvelope,
  Envelope,
  type EnvelopeDigest,
  type EnvelopeFields,
  encodeEnvelope
} from './wire/envelope/envelope.js'
export { keyFromPassword } from './wire/envelope/key.js'
export { parseTopic, topicFromName } from './wire/envelope/topic.js'
export { MalformedError, UnencodableError } from './wire/errors.js'
export type { Hash } from './wire/keccak.js'
export { keccak256, useKeccak } from './wire/keccak.js'
export { PacketDigests } from './wire/packet/packet-digests.js'
export type { RateLimits, StatusOptions } from './wire/packet/status.js'
export type { PayloadInit } from './wire/payload/payload.js'
export { decodePayload, encodePayload, type OpenedPayload } from './wire/payload/payload.js'
export { openSymmetric, sealSymmetric } from './wire/payload/symmetric.js'
export { type Coverage, type Gap, GapKind } from './wire/request/coverage.js'
export { type DigestPart, fingerprintOf } from './wire/request/digest.js'
export { Fingerprint } from './wire/request/fingerprint.js'
export type { Dialect } from './wire/request/history-request.js'
export { RequestError, RequestErrorCode } from './wire/request/request-error.js'
export type { PlainDialect, RawDialect } from './wire/request/request-shape.js'
