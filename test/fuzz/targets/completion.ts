import { MalformedError } from '../../../src/wire/errors.js'
import {
  decodeRequestComplete,
  encodeRequestComplete,
  type RequestComplete
} from '../../../src/wire/request/request-complete.js'
import { check, checkSame, checkSmall, type FuzzTarget, read } from '../oracle.js'

const comparable = ({ extensions, ...rest }: RequestComplete): unknown => ({
  ...rest,
  extensions: [...(extensions ?? [])].map(([key, item]) => [key, item.raw]).sort(([a], [b]) => Number(a) - Number(b))
})

/** The completion as a list. */
export const fuzz: FuzzTarget = input => {
  const complete = read(() => decodeRequestComplete(input), MalformedError)
  if (complete === undefined) return false
  checkSmall(comparable(complete), input)
  check(complete.error === undefined || complete.cursor === undefined, 'a cursor beside an error')
  const second = decodeRequestComplete(encodeRequestComplete(complete))
  checkSame(comparable(second), comparable(complete), 'written and read it differs')
  return true
}
