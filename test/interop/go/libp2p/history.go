package main

import (
	"errors"
	"time"
)

// requestTTL is how long the envelope of a request lives, in seconds.
const requestTTL = 30

// historyRequest is what a client asks a mailserver (protocols/mailserver.md).
type historyRequest struct {
	lower, upper uint32
	bloom        []byte
	limit        uint32
	cursor       []byte
	topics       [][4]byte
	// In ingest order, after a sequence cursor; empty for the beginning.
	ingest   bool
	sequence []byte
	// A digest in place of envelopes.
	digest *digestQuestion
}

func (r historyRequest) encode() []byte {
	items := [][]byte{
		rlpUint(uint64(r.lower)), rlpUint(uint64(r.upper)), rlpString(r.bloom), rlpUint(uint64(r.limit)), rlpString(r.cursor),
	}
	extensions := r.extensions()
	// topics come before extensions, also when there are none
	if len(r.topics) > 0 || len(extensions) > 0 {
		var topics [][]byte
		for _, topic := range r.topics {
			topics = append(topics, rlpString(topic[:]))
		}
		items = append(items, rlpList(topics...))
	}
	if len(extensions) > 0 {
		items = append(items, rlpList(extensions...))
	}
	return rlpList(items...)
}

func (r historyRequest) extensions() (pairs [][]byte) {
	if r.ingest {
		pairs = append(pairs, rlpList(rlpUint(1), rlpString(r.sequence)))
	}
	if r.digest != nil {
		pairs = append(pairs, rlpList(rlpUint(2), r.digest.encode()))
	}
	return pairs
}

// decodeRequest reads the forms of the specification only: SPEC4, SPEC5 and SPEC6T.
func decodeRequest(payload []byte) (r historyRequest, err error) {
	items, err := rlpChildren(payload)
	if err != nil || len(items) < 4 {
		return r, errors.New("the request has no known form")
	}
	var numbers [3]uint32
	for i, at := range []int{0, 1, 3} {
		n, err := items[at].uint()
		if err != nil || n>>32 != 0 {
			return r, errors.New("the request has no known form")
		}
		numbers[i] = uint32(n)
	}
	r.lower, r.upper, r.limit = numbers[0], numbers[1], numbers[2]
	r.bloom = items[2].payload
	if len(r.bloom) != 0 && len(r.bloom) != 64 {
		return r, errors.New("the bloom is not 64 bytes")
	}
	if len(items) > 4 {
		r.cursor = items[4].payload
	}
	if len(items) > 5 && items[5].list {
		topics, err := items[5].children()
		if err != nil {
			return r, err
		}
		for _, topic := range topics {
			if len(topic.payload) != 4 {
				return r, errors.New("a topic is not 4 bytes")
			}
			r.topics = append(r.topics, [4]byte(topic.payload))
		}
	}
	return r, nil
}

// wants tells whether an envelope is one of those that are asked for.
func (r historyRequest) wants(e envelope) bool {
	if sent := e.sent(); sent < r.lower || sent > r.upper {
		return false
	}
	if len(r.topics) == 0 {
		return e.matches(r.bloom)
	}
	for _, topic := range r.topics {
		if topic == e.topic {
			return true
		}
	}
	return false
}

// sealed is the envelope of a request.
func (r historyRequest) sealed(key []byte, pow float64) (envelope, error) {
	data, err := seal(r.encode(), key)
	if err != nil {
		return envelope{}, err
	}
	return mine(uint32(time.Now().Unix())+requestTTL, requestTTL, [4]byte{}, data, pow)
}

// completion ends an answer.
type completion struct {
	requestID [32]byte
	lastHash  [32]byte
	cursor    []byte
	// 0 when the request was not refused.
	errorCode uint64
	errorText string
	// Where to go on in ingest order.
	sequence []byte
	coverage *coverage
	parts    []digestPart
}

func (c completion) encode() []byte {
	items := [][]byte{rlpString(c.requestID[:]), rlpString(c.lastHash[:]), rlpString(c.cursor)}
	if c.errorCode != 0 {
		refusal := rlpList(rlpUint(c.errorCode), rlpString([]byte(c.errorText)))
		items = append(items, rlpList(rlpList(rlpUint(0), refusal)))
	}
	return rlpList(items...)
}

// decodeCompletion is liberal: a missing cursor, or an empty list in its place, is none.
func decodeCompletion(body []byte) (c completion, err error) {
	items, err := rlpChildren(body)
	if err != nil || len(items) < 2 || len(items[0].payload) != 32 || len(items[1].payload) != 32 {
		return c, errors.New("this is no completion")
	}
	copy(c.requestID[:], items[0].payload)
	copy(c.lastHash[:], items[1].payload)
	if len(items) > 2 && !items[2].list {
		c.cursor = items[2].payload
	}
	if len(items) > 3 {
		err = c.readExtensions(items[3])
	}
	return c, err
}

func (c *completion) readExtensions(extensions item) error {
	pairs, err := extensions.children()
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		parts, err := pair.children()
		if err != nil || len(parts) != 2 {
			return errRLP
		}
		key, err := parts[0].uint()
		if err != nil {
			return err
		}
		if err := c.readExtension(key, parts[1]); err != nil {
			return err
		}
	}
	return nil
}

func (c *completion) readExtension(key uint64, value item) error {
	switch key {
	case 0:
		refusal, err := value.children()
		if err != nil || len(refusal) < 2 {
			return errRLP
		}
		c.errorText = string(refusal[1].payload)
		c.errorCode, err = refusal[0].uint()
		return err
	case 1:
		c.sequence = value.payload
	case 2:
		said, parts, err := decodeCoverage(value)
		c.coverage, c.parts = &said, parts
		return err
	}
	return nil
}
