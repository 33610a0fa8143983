import { type Certificate, type CertificateFiles, readCertificate, untimely, versionOf } from './certificate.js'

export interface CertificateWatchInit {
  files: CertificateFiles
  onRenew(certificate: Certificate): void
  /** Told, a line at a time, what the operator should know. */
  warn(line: string): void
  /**
   * How often the files are looked at, in ms.
   *
   * @default 10000
   */
  interval?: number | undefined
}

const INTERVAL = 10_000

/** Takes over a renewed certificate while the node serves; one that cannot be used leaves the old one in its place. */
export class CertificateWatch {
  readonly #init: CertificateWatchInit
  #current: Certificate
  #version: string
  #told: Certificate | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #stopped = false

  private constructor(init: CertificateWatchInit, current: Certificate, version: string) {
    this.#init = init
    this.#current = current
    this.#version = version
    this.#judge()
    this.#arm()
  }

  /** Throws `CertificateError` when the first one cannot be used. */
  static async start(init: CertificateWatchInit): Promise<CertificateWatch> {
    // of before it is read: what is written meanwhile is another one
    const version = await versionOf(init.files)
    return new CertificateWatch(init, await readCertificate(init.files), version)
  }

  get current(): Certificate {
    return this.#current
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #arm(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#look().finally(() => this.#arm()), this.#init.interval ?? INTERVAL)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const { files, onRenew, warn } = this.#init
    const version = await versionOf(files)
    if (version !== this.#version) {
      this.#version = version
      try {
        this.#current = await readCertificate(files)
        if (!this.#stopped) onRenew(this.#current)
      } catch (err) {
        // a pair is written one file after the other: the next look sees both
        warn(`the certificate in use stays: ${(err as Error).message}`)
      }
    }
    if (!this.#stopped) this.#judge()
  }

  #judge(): void {
    const trouble = untimely(this.#current)
    if (trouble === undefined || this.#told === this.#current) return
    this.#told = this.#current
    this.#init.warn(trouble)
  }
}
