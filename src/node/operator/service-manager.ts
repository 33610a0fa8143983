import { spawn } from 'node:child_process'

const DEADLINE_MS = 5_000

/**
 * Tells the service manager that started this process how it is: `--ready`, `STOPPING=1` (sd_notify). Node has no
 * datagram sockets of the unix kind: systemd's own program has, and is there wherever NOTIFY_SOCKET is set; no native module
 * has to be built for it. Without a service manager nothing happens. Never throws: who cannot be told must not stop a node.
 *
 * @param warn told when it did not work
 */
export async function notifyServiceManager(
  args: readonly string[],
  env: Record<string, string | undefined>,
  warn: (line: string) => void
): Promise<void> {
  if (env.NOTIFY_SOCKET === undefined) return
  await new Promise<void>(resolve => {
    const child = spawn('systemd-notify', args, { env: { ...env }, stdio: 'ignore', timeout: DEADLINE_MS })
    child.on('error', err => {
      warn(
        `systemd was not told: ${(err as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no systemd-notify' : err.message}`
      )
      resolve()
    })
    child.on('exit', code => {
      if (code !== 0) warn(`systemd was not told: systemd-notify ended with ${code}`)
      resolve()
    })
  })
}
