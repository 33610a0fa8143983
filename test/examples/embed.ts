import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { mailclient, mailserver, mailserverDefaults, waku } from 'waku-mailserver'

export const node = await createLibp2p({
  ...mailserverDefaults(), // noise, yamux, and room for many clients of one address
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  services: {
    identify: identify(),
    waku: waku(), // live envelopes
    mailserver: mailserver({ password: 'a password of your own' }), // archives them, answers requests
    mailclient: mailclient() // asks other mailservers
  }
})

console.log(String(node.getMultiaddrs()[0])) // /ip4/127.0.0.1/tcp/…/p2p/…
