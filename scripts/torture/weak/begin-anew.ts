import { rmSync } from 'node:fs'
import { ClassicLevel } from 'classic-level'

// A node that begins anew when its database does not open.
const { open } = ClassicLevel.prototype
ClassicLevel.prototype.open = async function (): Promise<void> {
  const again = (): Promise<void> => open.call(this, {})
  await again().catch(() => {
    rmSync(this.location, { recursive: true, force: true })
    return again()
  })
}
