import { readFileSync } from 'node:fs'

/** The version in the package.json of this installation, wherever the build put this file. */
export function packageVersion(): string {
  for (const up of ['../../../', '../../../../']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8'))
      if (name === 'waku-mailserver') return version
    } catch {
      // one folder further up
    }
  }
  return 'unknown'
}
