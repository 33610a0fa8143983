import type { Archive } from '../archive/archive.js'
import { type AdminRoute, json, text } from './answer.js'
import { ArchiveCalendar } from './archive-hours.js'
import { commandRoute, type Run } from './commands.js'
import { EventFeed } from './event-feed.js'
import { pageFiles } from './page-files.js'
import type { Samples } from './samples.js'
import type { View } from './view.js'

const SPANS = [3600, 86_400, 604_800]

export interface PageParts {
  archive: Archive
  samples: Samples
  view(): Promise<View>
  run: Run
}

/** The page, and what it asks for. `close` ends those who follow. */
export function pageRoutes(parts: PageParts): {
  routes: Array<[string, AdminRoute]>
  close(): void
} {
  const feed = new EventFeed(() => parts.view())
  const calendar = new ArchiveCalendar(parts.archive)
  const { samples } = parts
  return {
    routes: [
      ...pageFiles(),
      ['/api/events', feed.route],
      ['/api/view', { method: 'GET', answer: async () => json(await parts.view()) }],
      ['/api/archive', { method: 'GET', answer: async () => json(await calendar.look()) }],
      [
        '/api/samples',
        {
          method: 'GET',
          async answer({ url }) {
            const seconds = Number(url.searchParams.get('seconds') ?? SPANS[0])
            if (!SPANS.includes(seconds)) return text(`seconds is one of ${SPANS.join(', ')}`, 400)
            return json(samples.since(Math.floor(Date.now() / 1000) - seconds))
          }
        }
      ],
      ['/api/command', commandRoute(parts.run)]
    ],
    close: () => feed.close()
  }
}
