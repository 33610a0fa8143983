import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { mailclient, mailserver, waku } from 'waku-mailserver'

export const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    waku: waku(), // live envelopes
    mailserver: mailserver({ password: 'a password of your own' }), // archives them, answers requests
    mailclient: mailclient() // asks other mailservers
  }
})
