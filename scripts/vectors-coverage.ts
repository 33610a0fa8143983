import { concatBytes, fromHex } from '../src/wire/bytes.js'
import { type CoverageAnswer, encodeCoverageAnswer } from '../src/wire/request/coverage.js'
import { type DigestQuestion, encodeDigestQuestion, equalTimes } from '../src/wire/request/digest.js'
import { Fingerprint } from '../src/wire/request/fingerprint.js'
import { encodeHistoryRequest, type HistoryRequest } from '../src/wire/request/history-request.js'
import { encodeRequestComplete } from '../src/wire/request/request-complete.js'
import { encodeSequenceCursor } from '../src/wire/request/sequence-cursor.js'
import { decodeItem, encodeString } from '../src/wire/rlp.js'
import { bytesOf, type VectorFile } from './vectors-file.js'

const archiveId = fromHex('0102030405060708')
const sequence = encodeSequenceCursor({ archiveId, seq: 42 })
const range: HistoryRequest = { lower: 1577836800, upper: 1577923200, topics: [fromHex('12345678')], limit: 0 }
const salt = new Uint8Array(16).fill(0xaa)

/** The worked example of the document. */
export const workedQuestion: DigestQuestion = { salt, parts: 2, by: 'time' }
export const workedRequest: Uint8Array = encodeHistoryRequest(
  { ...range, extensions: new Map([[2, decodeItem(encodeDigestQuestion(workedQuestion))]]) },
  'spec6t'
)
export const workedAnswer: CoverageAnswer = {
  coverage: {
    since: 1577000000,
    oldest: 0,
    sequence,
    more: false,
    gaps: [{ from: 1577840000, until: 1577850000, kind: 0, count: 0 }]
  },
  digests: [
    { lower: 1577836800, upper: 1577879999, count: 1, hashes: [new Uint8Array(32).fill(0x11)] },
    { lower: 1577880000, upper: 1577923200, count: 0, hashes: [] }
  ]
}

const answers: [string, CoverageAnswer][] = [
  ['the worked example', workedAnswer],
  [
    'coverage alone, with more to come',
    { coverage: { since: 0, oldest: 1577836900, sequence, more: true, gaps: [] }, digests: [] }
  ],
  [
    'every kind of gap, and fingerprints',
    {
      coverage: {
        since: 1,
        oldest: 0,
        sequence,
        more: false,
        gaps: [0, 1, 2, 3, 9].map((kind, i) => ({ from: i, until: 10 + i, kind, count: kind === 0 ? 0 : 5 }))
      },
      digests: [{ lower: 0, upper: 0xffff_ffff, count: 1000, fingerprint: bytesOf('fingerprint', 32) }]
    }
  ]
]

export function coverageFile(): VectorFile {
  const hashes = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => bytesOf(`hash ${i}`, 32))
  const salts = [salt, bytesOf('salt', 32)]
  const ids = { requestId: new Uint8Array(32).fill(0x11), lastHash: new Uint8Array(32) }
  return {
    about:
      'Ingest order, coverage and digests. "questions": key 2 of a request. "answers": key 2 of a completion. "sequence": key 1 of both. ' +
      '"fingerprints": the sum of keccak256(salt ‖ hash) modulo 2^256. "times": the upper bounds of parts of equal time.',
    sequence: [
      { archiveId, seq: 42, cursor: sequence },
      { archiveId, seq: 0, cursor: encodeSequenceCursor({ archiveId, seq: 0 }) },
      { archiveId, seq: 2 ** 40 + 1, cursor: encodeSequenceCursor({ archiveId, seq: 2 ** 40 + 1 }) }
    ],
    requests: [
      { name: 'the worked example', payload: workedRequest },
      {
        name: 'from the beginning in ingest order, with coverage',
        payload: encodeHistoryRequest(
          {
            ...range,
            extensions: new Map([
              [1, decodeItem(encodeString(new Uint8Array(0)))],
              [2, decodeItem(encodeDigestQuestion({ salt: new Uint8Array(0), parts: 0, by: 'time' }))]
            ])
          },
          'spec6t'
        )
      }
    ],
    questions: [
      workedQuestion,
      { salt: bytesOf('salt', 32), parts: 64, by: 'count' },
      { salt: new Uint8Array(0), parts: 0, by: 'time' }
    ].map(question => ({ question, value: encodeDigestQuestion(question as DigestQuestion) })),
    answers: answers.map(([name, answer]) => ({ name, answer, value: encodeCoverageAnswer(answer) })),
    completions: [
      {
        name: 'the worked example',
        body: encodeRequestComplete({
          ...ids,
          extensions: new Map([[2, decodeItem(encodeCoverageAnswer(workedAnswer))]])
        })
      },
      {
        name: 'a page in ingest order',
        body: encodeRequestComplete({ ...ids, extensions: new Map([[1, decodeItem(encodeString(sequence))]]) })
      }
    ],
    fingerprints: salts.flatMap(salt =>
      [0, 1, 2, 40].map(count => {
        const sum = new Fingerprint(salt)
        for (const hash of hashes(count)) sum.add(hash)
        return { salt, hashes: count > 2 ? concatBytes(...hashes(count)) : hashes(count), fingerprint: sum.bytes }
      })
    ),
    times: [
      [1577836800, 1577923200, 2],
      [0, 0xffff_ffff, 64],
      [100, 102, 64],
      [7, 7, 1]
    ].map(([lower, upper, parts]) => ({
      lower,
      upper,
      parts,
      uppers: equalTimes(lower as number, upper as number, parts as number)
    }))
  }
}
