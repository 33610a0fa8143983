import './page.css'
import 'uplot/dist/uPlot.min.css'
import { type ComponentChildren, render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { View } from '../view.js'
import { AccessView } from './access-view.js'
import { ArchiveView } from './archive-view.js'
import { HealthView } from './health-view.js'
import { BoundsView, RequestsView, TopicsView } from './lists-view.js'
import { useHash, useLive } from './live.js'
import { PeersView } from './peers-view.js'
import { TrafficView } from './traffic-view.js'

const VIEWS: Record<string, [name: string, show: (view: View) => ComponentChildren]> = {
  health: ['Health', view => <HealthView view={view} />],
  traffic: ['Traffic', () => <TrafficView />],
  archive: ['Archive', () => <ArchiveView />],
  peers: ['Peers', view => <PeersView view={view} />],
  access: ['Access', () => <AccessView />],
  requests: ['Requests', view => <RequestsView view={view} />],
  topics: ['Topics', view => <TopicsView view={view} />],
  bounds: ['Bounds', view => <BoundsView view={view} />]
}

function Page() {
  const { view, connected } = useLive()
  const hash = useHash('health')
  const name = hash in VIEWS ? hash : 'health'
  const [title, show] = VIEWS[name] as (typeof VIEWS)[string]
  const heading = useRef<HTMLHeadingElement>(null)
  const first = useRef(true)
  useEffect(() => {
    document.title = `${title} – waku-mailserver`
    // whoever chose a view by keyboard goes on reading there
    if (!first.current) heading.current?.focus()
    first.current = false
  }, [title])
  return (
    <>
      <header>
        <strong>waku-mailserver</strong>
        <State view={view} connected={connected} />
        <nav aria-label="Views">
          {Object.entries(VIEWS).map(([key, [text]]) => (
            <a href={`#${key}`} aria-current={key === name ? 'page' : undefined}>
              {text}
            </a>
          ))}
        </nav>
      </header>
      <main>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {view === undefined ? <p>Looking at the node…</p> : show(view)}
      </main>
    </>
  )
}

/** The one line that is read out when it changes. */
function State({ view, connected }: { view: View | undefined; connected: boolean }) {
  const bad = view?.health.filter(({ status }) => status === 'failed').length ?? 0
  const odd = view?.health.filter(({ status }) => status === 'warning').length ?? 0
  const [state, text] = !connected
    ? ['failed', view === undefined ? 'connecting…' : 'the node does not answer']
    : bad > 0
      ? ['failed', bad === 1 ? '1 check fails' : `${bad} checks fail`]
      : odd > 0
        ? ['warning', odd === 1 ? '1 check warns' : `${odd} checks warn`]
        : ['ok', 'all is well']
  return (
    <span role="status" class={`state ${state}`}>
      {text}
    </span>
  )
}

render(<Page />, document.getElementById('page') as HTMLElement)
