import { useEffect, useState } from 'preact/hooks'
import type { KeyEntry } from '../../mailserver/key-entry.js'
import type { TrustEntry } from '../../trust/trust-entry.js'
import { Confirm, type Question } from './confirm.js'
import { bytes, momentOf } from './format.js'
import { command } from './live.js'
import { Table } from './table.js'

const field = (form: FormData, name: string): string | undefined => String(form.get(name) ?? '').trim() || undefined

/** Who may deliver expired envelopes, and which keys open requests; changed after a question. */
export function AccessView() {
  const [lists, setLists] = useState<{ trust: TrustEntry[]; keys: KeyEntry[] }>()
  const [question, setQuestion] = useState<Question>()
  const [told, setTold] = useState('')

  const load = async (): Promise<void> => {
    const [trust, keys] = await Promise.all([command<TrustEntry[]>('trust.list'), command<KeyEntry[]>('keys.list')])
    setLists({ trust, keys })
  }
  const loadOrTell = (): void => void load().catch((err: Error) => setTold(err.message))
  useEffect(loadOrTell, [])
  const onDone = (failure?: string): void => {
    setQuestion(undefined)
    setTold(failure ?? '')
    loadOrTell()
  }
  const asks = (make: (form: FormData) => Question) => (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const { act, ...rest } = make(new FormData(form))
    setQuestion({ ...rest, act: () => act().then(() => form.reset()) })
  }
  const remove = (what: string, name: string, params: Record<string, unknown>) => (
    <button
      type="button"
      aria-label={`Remove ${name}`}
      onClick={() =>
        setQuestion({
          text: what === 'trust' ? `Trust ${name} no longer?` : `Open no more requests with the key ${name}?`,
          yes: 'Remove',
          act: () => command(`${what}.remove`, params)
        })
      }
    >
      Remove
    </button>
  )
  return (
    <>
      <p role="alert" class="told">
        {told}
      </p>
      <h2>Trust list</h2>
      <p>These peers may deliver expired envelopes to this node.</p>
      <Table
        label="Trusted peers"
        heads={['Peer', 'Label', 'Added', 'Until', 'A day', '']}
        empty="Nobody is trusted."
        rows={(lists?.trust ?? []).map(({ peer, label, added, expires, bytesPerDay }) => [
          <code>{peer}</code>,
          label ?? '–',
          momentOf(added),
          expires === undefined ? 'for good' : momentOf(expires),
          bytesPerDay === undefined ? 'no limit' : bytes(bytesPerDay),
          remove('trust', label ?? peer, { peer })
        ])}
      />
      <form
        onSubmit={asks(form => {
          const [peer = '', label] = [field(form, 'peer'), field(form, 'label')]
          return {
            text: `Trust ${peer}? It may then deliver expired envelopes to this node.`,
            yes: 'Trust',
            act: () => command('trust.add', { peer, ...(label === undefined ? {} : { label }) })
          }
        })}
      >
        <label>
          Peer id <input name="peer" required autocomplete="off" spellcheck={false} />
        </label>
        <label>
          Label <input name="label" maxLength={64} autocomplete="off" />
        </label>
        <button type="submit">Trust</button>
      </form>
      <h2>Request keys</h2>
      <p>Requests are opened with these. A key that is bound to a peer is for that peer alone.</p>
      <Table
        label="Request keys"
        heads={['Name', 'For', '']}
        empty="There is none."
        rows={(lists?.keys ?? []).map(({ name, peer }) => [
          name,
          peer === undefined ? 'everyone' : <code>{String(peer)}</code>,
          remove('keys', name, { name })
        ])}
      />
      <form
        autocomplete="off"
        onSubmit={asks(form => {
          const [name = '', password = '', peer] = ['name', 'password', 'peer'].map(key => field(form, key))
          return {
            text: `Open requests with the key ${name}, ${peer === undefined ? 'of everyone' : `of ${peer} alone`}?`,
            yes: 'Add',
            act: () => command('keys.add', { name, password, ...(peer === undefined ? {} : { peer }) })
          }
        })}
      >
        <label>
          Name <input name="name" required />
        </label>
        <label>
          Password <input name="password" type="password" required autocomplete="new-password" />
        </label>
        <label>
          Peer id, or everyone <input name="peer" spellcheck={false} />
        </label>
        <button type="submit">Add</button>
      </form>
      <Confirm question={question} onDone={onDone} />
    </>
  )
}
