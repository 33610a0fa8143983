import { Channel } from './channel.js'
import { openPeer, openStorage, type Peer } from './peer.js'
import { element, LetterList } from './view.js'

const REMEMBERED = 'waku-mail-settings'
const FIELDS = ['server', 'password', 'channel'] as const

const UNKEPT = {
  'in-use': 'This page is open in another tab',
  'insecure-page': 'This page was not loaded over https'
}

interface Settings {
  /** Multiaddr that ends in `/p2p/<peer id>`. */
  server: string
  /** The mailserver's, for requests. */
  password: string
  channel: string
}

const letters = new LetterList()
let storage: Awaited<ReturnType<typeof openStorage>>
let peer: Peer | undefined
let channel: Channel | undefined

function settings(): Settings {
  const [server = '', password = '', channel = ''] = FIELDS.map(name => element<HTMLInputElement>(name).value.trim())
  return { server, password, channel }
}

/** A link may bring them: `#server=…&channel=…`. What stands behind # is not sent to who serves the page. */
function recall(): void {
  const link = new URLSearchParams(location.hash.slice(1))
  const remembered = JSON.parse(localStorage.getItem(REMEMBERED) ?? '{}') as Partial<Settings>
  for (const name of FIELDS) element<HTMLInputElement>(name).value = link.get(name) ?? remembered[name] ?? ''
}

function notice(text: string, kind: 'error' | 'hint'): void {
  const box = element('notice')
  box.textContent = text
  box.dataset.kind = kind
  box.hidden = text === ''
}

function trouble(err: Error): void {
  notice(`${err.name}: ${err.message}`, 'error')
  element('notice').dataset.reason = (err as { reason?: string }).reason ?? err.name
}

async function open(): Promise<void> {
  await peer?.node.stop()
  letters.clear()
  const chosen = settings()
  element('title').textContent = chosen.channel
  element('letterbox').hidden = false
  element<HTMLDetailsElement>('setup').open = false
  peer = await openPeer(storage, chosen)
  channel = new Channel(peer, chosen.channel, {
    letters: list => letters.add(list),
    status: (status, text) => {
      element('status').dataset.status = status
      element('status').textContent = text
      if (status === 'connected' && element('notice').dataset.kind === 'error') notice('', 'hint')
    },
    trouble
  })
  await channel.open()
}

async function write(): Promise<void> {
  const input = element<HTMLTextAreaElement>('text')
  const button = element<HTMLButtonElement>('send')
  const text = input.value.trim()
  if (text === '' || channel === undefined) return
  button.disabled = true
  try {
    letters.add([await channel.write(text, Number(element<HTMLSelectElement>('ttl').value))])
    input.value = ''
  } catch (err) {
    trouble(err as Error) // the text stays, to be sent again
  } finally {
    button.disabled = false
    input.focus()
  }
}

function on(form: string, act: () => Promise<void>): void {
  element(form).addEventListener('submit', event => {
    event.preventDefault()
    act().catch(trouble)
  })
}

recall()
on('settings', async () => {
  localStorage.setItem(REMEMBERED, JSON.stringify(settings()))
  await open()
})
on('writing', write)
element('text').addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey) return
  event.preventDefault()
  element<HTMLFormElement>('writing').requestSubmit()
})
try {
  storage = await openStorage('waku-mail')
  if (storage.unkept !== undefined)
    notice(`${UNKEPT[storage.unkept]}: nothing is kept here when the tab is closed.`, 'hint')
  element<HTMLButtonElement>('open').disabled = false
  const chosen = settings()
  if (chosen.server !== '' && chosen.channel !== '') await open()
  else element<HTMLDetailsElement>('setup').open = true
} catch (err) {
  trouble(err as Error)
}
