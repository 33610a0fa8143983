import { rmSync } from 'node:fs'
import { ClassicLevel } from 'classic-level'
import './no-marks.js'

// A node that begins anew when its database does not open, and does not know what it had stored.
const { open } = ClassicLevel.prototype
ClassicLevel.prototype.open = async function (): Promise<void> {
  const again = (): Promise<void> => open.call(this, {})
  await again().catch(() => {
    rmSync(this.location, { recursive: true, force: true })
    return again()
  })
}
