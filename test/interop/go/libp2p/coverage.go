package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math/big"
)

// coverage is what a server says that it may lack.
type coverage struct {
	Since    uint64      `json:"since"`
	Oldest   uint64      `json:"oldest"`
	Sequence string      `json:"sequence"`
	More     bool        `json:"more"`
	Gaps     [][4]uint64 `json:"gaps"`
}

// digestPart is a part of a range: its hashes where they are few, else their fingerprint.
type digestPart struct {
	lower, upper, count uint64
	fingerprint         []byte
	hashes              [][]byte
}

// digestQuestion asks for digests; with 0 parts for coverage alone.
type digestQuestion struct {
	salt  []byte
	parts uint64
	// 1 when the parts are to hold about equally many.
	by uint64
}

func newDigestQuestion(parts, by uint64) (digestQuestion, error) {
	salt := make([]byte, 16)
	_, err := rand.Read(salt)
	return digestQuestion{salt: salt, parts: parts, by: by}, err
}

func (q digestQuestion) encode() []byte {
	items := [][]byte{rlpString(q.salt), rlpUint(q.parts)}
	if q.by != 0 {
		items = append(items, rlpUint(q.by))
	}
	return rlpList(items...)
}

func decodeCoverage(value item) (c coverage, parts []digestPart, err error) {
	both, err := value.children()
	if err != nil || len(both) < 2 {
		return c, nil, errRLP
	}
	items, err := both[0].children()
	if err != nil || len(items) < 5 || len(items[2].payload) != 16 {
		return c, nil, errRLP
	}
	more, err1 := items[3].uint()
	since, err2 := items[0].uint()
	oldest, err3 := items[1].uint()
	gaps, err4 := items[4].children()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return c, nil, err
	}
	c = coverage{Since: since, Oldest: oldest, Sequence: hexOf(items[2].payload), More: more != 0, Gaps: [][4]uint64{}}
	for _, gap := range gaps {
		numbers, err := uints(gap, 4)
		if err != nil {
			return c, nil, err
		}
		c.Gaps = append(c.Gaps, [4]uint64(numbers))
	}
	digests, err := both[1].children()
	if err != nil {
		return c, nil, err
	}
	for _, digest := range digests {
		part, err := decodePart(digest)
		if err != nil {
			return c, nil, err
		}
		parts = append(parts, part)
	}
	return c, parts, nil
}

func decodePart(digest item) (part digestPart, err error) {
	numbers, err := uints(digest, 3)
	if err != nil {
		return part, err
	}
	part.lower, part.upper, part.count = numbers[0], numbers[1], numbers[2]
	items, err := digest.children()
	if err != nil || len(items) < 4 {
		return part, errRLP
	}
	if !items[3].list {
		part.fingerprint = items[3].payload
		return part, nil
	}
	hashes, err := items[3].children()
	part.hashes = [][]byte{}
	for _, hash := range hashes {
		part.hashes = append(part.hashes, hash.payload)
	}
	return part, err
}

// uints reads the first so many items of a list, which are integers.
func uints(list item, count int) (numbers []uint64, err error) {
	items, err := list.children()
	if err != nil || len(items) < count {
		return nil, errRLP
	}
	for _, one := range items[:count] {
		n, err := one.uint()
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// isOf tells whether a part says of some envelopes what is so.
func (p digestPart) isOf(envelopes []envelope, salt []byte) bool {
	var count uint64
	sum := new(big.Int)
	known := map[string]bool{}
	for _, one := range envelopes {
		if sent := uint64(one.sent()); sent < p.lower || sent > p.upper {
			continue
		}
		count++
		known[string(one.hash[:])] = true
		hash := keccak(salt, one.hash[:])
		sum.Add(sum, new(big.Int).SetBytes(hash[:]))
	}
	if count != p.count {
		return false
	}
	if p.hashes == nil {
		sum.Mod(sum, new(big.Int).Lsh(big.NewInt(1), 256))
		return bytes.Equal(sum.FillBytes(make([]byte, 32)), p.fingerprint)
	}
	for i, hash := range p.hashes {
		if !known[string(hash)] || (i > 0 && bytes.Compare(p.hashes[i-1], hash) >= 0) {
			return false
		}
	}
	return len(p.hashes) == len(known)
}

// movesOn tells whether a sequence cursor comes from the same archive as the one before, and counts all that came since.
func movesOn(before, after []byte, count int) error {
	if len(after) != 16 {
		return errors.New("a sequence cursor is 16 bytes")
	}
	var number uint64
	if len(before) > 0 {
		if !bytes.Equal(before[:8], after[:8]) {
			return errors.New("the sequence cursor is that of another archive")
		}
		number = binary.BigEndian.Uint64(before[8:])
	}
	if binary.BigEndian.Uint64(after[8:]) < number+uint64(count) {
		return errors.New("the sequence cursor does not move on")
	}
	return nil
}
