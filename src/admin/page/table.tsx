import type { ComponentChildren } from 'preact'

export interface TableProps {
  /** What it is a table of, for those who do not see where it stands. */
  label: string
  heads: readonly string[]
  rows: ReadonlyArray<readonly ComponentChildren[]>
  /** Said when there is no row. */
  empty: string
}

/** On a narrow screen each row of more than two is a block, and each cell says which it is; the roles say that it is a table still. */
export function Table({ label, heads, rows, empty }: TableProps) {
  if (rows.length === 0) return <p class="quiet">{empty}</p>
  return (
    <table class={heads.length === 2 ? 'rows pairs' : 'rows'} role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {heads.map(head => (
            <th scope="col" role="columnheader">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map(row => (
          <tr role="row">
            {row.map((cell, i) => (
              <td role="cell" data-head={heads[i]}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
