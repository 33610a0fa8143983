import { multiaddr } from '@multiformats/multiaddr'
import type { z } from 'zod'
import { ADMIN_HOST, ADMIN_LISTEN, parseAdminHost, parseAdminListen } from './admin-listen.js'
import { ARCHIVE, parseArchivePlace } from './archive-place.js'
import { DEVP2P_LISTEN, parseDevp2pListen } from './devp2p-listen.js'
import { FORWARD_FOR, parseRequester } from './forward-for.js'
import { PROXY_ADDRESS, parseProxyAddress } from './forwarded.js'
import {
  byteSizeOption,
  choiceOption,
  durationOption,
  listOption,
  numberOption,
  plainOption,
  switchOption,
  textOption
} from './option.js'
import { LISTEN_ADDRESS, PEER_ADDRESS, parseListenAddress, parsePeerAddress } from './peer-address.js'
import { parseRetention, parseTopicRetention, RETENTION, RETENTION_BYTES, RETENTION_TOPIC } from './retention-config.js'
import { parseTopicChoice, TOPIC } from './topic-choice.js'

export const DEFAULT_DATA_DIR = './waku-data'
export const DEFAULT_LISTEN = '/ip4/0.0.0.0/tcp/30304'

/** How long an envelope may live, in seconds. */
export const TTL_RANGE = { min: 1, max: 366 * 86_400 }
/** A canary takes some seconds. */
const CANARY_RANGE = { min: 30, max: 86_400 }
/** One page, in bytes: a client keeps it in memory. */
const PAGE_RANGE = { min: 1, max: 64 * 1024 * 1024 }

export const dataDirOption = plainOption('<dir>', 'where this peer keeps its identity, its keys and its archive', {
  fallback: DEFAULT_DATA_DIR
})

export const newIdentityOption = switchOption('become another peer when the identity of the data dir is missing', {
  flagOnly: true
})

export const configOption = plainOption('<file>', 'JSON file with settings; flags and environment go first')

export const addressShape = {
  listen: listOption(parseListenAddress, LISTEN_ADDRESS, '<multiaddr>', 'where to listen; may be repeated', {
    fallback: DEFAULT_LISTEN,
    some: true
  }),
  'tls-cert': plainOption('<file>', 'certificate chain (PEM) for --listen …/tls/ws; looked at again when it changes'),
  'tls-key': plainOption('<file>', 'its private key (PEM)'),
  'trusted-proxy': listOption(
    parseProxyAddress,
    PROXY_ADDRESS,
    '<ip>',
    'a reverse proxy before …/ws whose X-Forwarded-For is believed'
  ),
  'webrtc-direct': switchOption(
    'allow --listen /ip4/…/udp/…/webrtc-direct: experimental, and needs the package @libp2p/webrtc'
  ),
  announce: listOption(parseListenAddress, LISTEN_ADDRESS, '<multiaddr>', 'what to announce instead of that'),
  'devp2p-listen': textOption(parseDevp2pListen, DEVP2P_LISTEN, '<ip:port>', 'where legacy devp2p peers may connect', {
    fallback: '0.0.0.0:30303, or 127.0.0.1:30303 beside a local --listen; another port when it is taken'
  }),
  'no-devp2p': switchOption('speak libp2p only')
}

/** Where the archive is, when it is not in the data dir. */
export const archiveShape = {
  archive: textOption(parseArchivePlace, ARCHIVE, '<url>', `an archive that several nodes share: ${ARCHIVE}`, {
    fallback: 'in the data dir'
  }),
  'archive-user': plainOption('<name>', 'who this node is to Cassandra'),
  'archive-password-file': plainOption('<file>', 'and the password'),
  'archive-tls': switchOption('speak TLS with Cassandra'),
  'archive-ca': plainOption('<file>', 'the authority of its certificates (PEM), and TLS', {
    fallback: 'those that Node knows'
  }),
  'archive-cert': plainOption('<file>', 'the certificate (PEM) that Cassandra asks of its clients'),
  'archive-key': plainOption('<file>', 'its private key (PEM)'),
  'archive-datacenter': plainOption('<name>', 'the data centre of Cassandra whose nodes are asked', {
    fallback: 'that of the first node which answers'
  }),
  'archive-replication': numberOption(
    'copies of everything in that data centre; a quorum of them has to be up',
    { min: 1, max: 16, integer: true },
    { fallback: '3' }
  )
}

/** Everything that decides how a node runs. */
export const startShape = {
  'data-dir': dataDirOption,
  config: configOption,
  ...addressShape,
  'max-connections': numberOption(
    'libp2p connections at a time; above three quarters of it those of crowded addresses give way',
    { min: 16, max: 1_000_000, integer: true },
    { fallback: '1024' }
  ),
  peer: listOption(parsePeerAddress, PEER_ADDRESS, '<peer>', 'a peer to stay connected with; may be repeated'),
  upstream: listOption(
    parsePeerAddress,
    PEER_ADDRESS,
    '<peer>',
    'a mailserver that gets requests which no key here opens; may be repeated, asked in this order'
  ),
  'forward-for': listOption(parseRequester, FORWARD_FOR, '<peer|any>', 'whose requests go to the upstreams', {
    fallback: 'nobody'
  }),
  'plain-requests': switchOption('serve devp2p requests that are not encrypted: whoever connects may read everything'),
  'password-file': plainOption('<file>', 'the password that requests are encrypted with', {
    fallback: '<data-dir>/password'
  }),
  password: plainOption('<text>', 'the same, seen by everyone on this machine: prefer --password-file'),
  retention: textOption(parseRetention, RETENTION, '<duration>', 'how long envelopes are kept', {
    fallback: '30d'
  }),
  'retention-size': byteSizeOption('most bytes of envelopes that are kept; then the oldest go', RETENTION_BYTES, {
    fallback: 'no limit'
  }),
  'retention-count': numberOption(
    'most envelopes that are kept; then the oldest go',
    { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true },
    { fallback: 'no limit' }
  ),
  'retention-topics': listOption(
    parseTopicRetention,
    RETENTION_TOPIC,
    '<topic=duration/size>',
    'what is kept of a topic instead; may be repeated',
    { some: true }
  ),
  'archive-topics': listOption(parseTopicChoice, TOPIC, '<topic>', 'archive these only, relay all', {
    fallback: 'all',
    some: true
  }),
  ...archiveShape,
  'max-ttl': durationOption('longest time to live that is taken in', TTL_RANGE, { fallback: '24h' }),
  'min-pow': numberOption('proof of work asked of envelopes', { min: 0, max: 1_000_000 }, { fallback: '0.000002' }),
  'request-pow': numberOption('proof of work asked of requests', { min: 0, max: 1_000_000 }, { fallback: '0.002' }),
  'require-signature': choiceOption(['any', 'peer'], 'refuse requests that nobody, or not the peer itself, signed', {
    fallback: 'none asked'
  }),
  'page-bytes': byteSizeOption('most bytes of one page of history', PAGE_RANGE, { fallback: '1MiB' }),
  'accept-push': switchOption('let trusted peers push expired envelopes'),
  'admin-listen': textOption(
    parseAdminListen,
    ADMIN_LISTEN,
    '<ip:port>',
    'where metrics, health and the page for the operator are',
    { fallback: '127.0.0.1:30380; the next free port when it is taken' }
  ),
  'admin-host': listOption(
    parseAdminHost,
    ADMIN_HOST,
    '<name>',
    'a host name by which that may be asked, beside numeric addresses and localhost'
  ),
  canary: durationOption('post an envelope of its own so often, and fetch it back when it has expired', CANARY_RANGE, {
    fallback: 'never'
  }),
  'no-admin': switchOption('without metrics, health and page'),
  'ready-file': plainOption('<file>', 'written once serving: {peerId, multiaddrs, enode, pid, admin}'),
  'new-identity': newIdentityOption,
  'self-check': switchOption('first prove the main job on a scratch archive', { flagOnly: true }),
  once: switchOption('stop after the self-check', { flagOnly: true }),
  log: choiceOption(['text', 'json'], 'what stderr has: lines for people, or JSON objects {time, level, message}', {
    fallback: 'text'
  }),
  json: switchOption('print JSON', { flagOnly: true })
}

export type StartConfig = z.output<z.ZodObject<typeof startShape>>

/** The default address, when none is configured. */
export function listenAddresses(config: Pick<StartConfig, 'listen'>): string[] {
  return (config.listen ?? [multiaddr(DEFAULT_LISTEN)]).map(address => address.toString())
}
