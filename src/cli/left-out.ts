/** What a file of the archive lacks, in words; empty when nothing. */
export function leftOut({ damaged, lost }: { damaged: number; lost?: number | undefined }): string {
  const parts: string[] = []
  if (lost !== undefined)
    parts.push(`; lost since this command opened the archive: ${lost} or more, damaged on the disk`)
  // what was met damaged is lost when the files are mended
  if (damaged > (lost ?? 0)) parts.push(`; left out: ${damaged} damaged: run "waku-mailserver verify"`)
  return parts.join('')
}
