import { MalformedError } from '../../../src/wire/errors.js'
import { formOfUnread } from '../../../src/wire/request/legacy-mail.js'
import { decodePlainRequest, encodePlainRequest } from '../../../src/wire/request/plain-request.js'
import { RequestError } from '../../../src/wire/request/request-error.js'
import { attempt, check, checkBytes, checkSame, checkSmall, type FuzzTarget } from '../oracle.js'

/** A request that lies open in the packet. */
export const fuzz: FuzzTarget = input => {
  formOfUnread(input)
  const plain = attempt(() => decodePlainRequest(input), MalformedError)
  if ('error' in plain || plain.value === undefined) return false
  const { requestId, dialect, read } = plain.value
  check(requestId.length === 32, 'a request id is 32 bytes')
  const request = attempt(read, RequestError)
  if ('error' in request) return false
  checkSmall(request.value, input)
  const written = encodePlainRequest(request.value, dialect, requestId)
  const second = decodePlainRequest(written)
  check(second !== undefined, 'written, it is none')
  checkSame(second.dialect, dialect, 'written and read it is of another form')
  checkBytes(second.requestId, requestId, 'written and read it has another id')
  checkSame(second.read(), request.value, 'written and read it differs')
  return true
}
