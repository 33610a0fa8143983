// An application of its own that reaches a mailserver over WebRTC-direct alone, in Node or bundled for a page.
import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { webRTCDirect } from '@libp2p/webrtc'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { decodePayload, keyFromPassword, mailclient, openSymmetric, topicFromName, waku } from 'waku-mailserver'

const DEADLINE_MS = 60_000

/** Posts a text, reads the topic's history, and resolves with the texts in it and the way to the server. Who calls it ends the process, or closes the page. */
export async function visit({ server, password, text }) {
  const node = await createLibp2p({
    transports: [webRTCDirect({ rtcConfiguration: { iceServers: [] } })],
    connectionEncrypters: [noise()],
    // a browser's refuses addresses of this machine
    connectionGater: { denyDialMultiaddr: () => false },
    services: { identify: identify(), waku: waku(), mailclient: mailclient() }
  })
  let step = 'is dialling'
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`the visitor ${step}`)), DEADLINE_MS))
  const work = async () => {
    await node.dial(multiaddr(server))
    step = 'posts'
    const topic = topicFromName('news')
    const key = await keyFromPassword('news')
    const payload = new TextEncoder().encode(text)
    const { confirmed } = await node.services.waku.post({ to: server, topic, key, payload, ttl: 60 })
    step = 'reads'
    await node.services.mailclient.trust.add(server)
    const from = Math.floor(Date.now() / 1000) - 3600
    const history = { server, from, topics: [topic], requestKey: await keyFromPassword(password) }
    const texts = []
    for await (const { envelopes } of node.services.mailclient.history(history)) {
      for (const { data } of envelopes) {
        texts.push(new TextDecoder().decode(decodePayload(openSymmetric(data, key)).payload))
      }
    }
    return { confirmed: confirmed.length, texts: texts.sort(), way: String(node.getConnections()[0]?.remoteAddr) }
  }
  return await Promise.race([work(), late])
}

if (globalThis.process?.argv[2] !== undefined) {
  const [, , server, password, text] = globalThis.process.argv
  globalThis.process.stdout.write(JSON.stringify(await visit({ server, password, text })))
  globalThis.process.exit()
}
