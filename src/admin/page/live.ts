import { useEffect, useState } from 'preact/hooks'
import type { View } from '../view.js'

export interface Live {
  view: View | undefined
  /** Whether the node tells something now. */
  connected: boolean
}

/** What the node tells of itself, as it tells it. */
export function useLive(): Live {
  const [live, setLive] = useState<Live>({ view: undefined, connected: false })
  useEffect(() => {
    const events = new EventSource('/api/events')
    events.onmessage = ({ data }) => setLive({ view: JSON.parse(data), connected: true })
    events.onerror = () => setLive(({ view }) => ({ view, connected: false }))
    return () => events.close()
  }, [])
  return live
}

/** What is at a path, asked again after so many ms. */
export function useFetched<T>(path: string, every: number): T | undefined {
  const [value, setValue] = useState<T>()
  useEffect(() => {
    const gone = new AbortController()
    const look = async (): Promise<void> => {
      const response = await fetch(path, { signal: gone.signal })
      if (response.ok) setValue(await response.json())
    }
    // what is not answered now is asked again later; the line on top says that the node is gone
    const lookOrNot = (): void => void look().catch(() => {})
    lookOrNot()
    const timer = setInterval(lookOrNot, every)
    return () => {
      gone.abort()
      clearInterval(timer)
    }
  }, [path, every])
  return value
}

/** Has the node carry out a command. Throws an error that says why it did not. */
export async function command<T>(name: string, params: Record<string, unknown> = {}): Promise<T> {
  const response = await fetch('/api/command', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ command: name, params })
  })
  const answer = await response.json().catch(() => ({ error: 'the token is no longer known: load the page again' }))
  if (!response.ok) throw new Error(answer.error)
  return answer.result
}

/** Which view the address names. */
export function useHash(fallback: string): string {
  const [hash, setHash] = useState(location.hash.slice(1))
  useEffect(() => {
    const onChange = (): void => setHash(location.hash.slice(1))
    addEventListener('hashchange', onChange)
    return () => removeEventListener('hashchange', onChange)
  }, [])
  return hash === '' ? fallback : hash
}
