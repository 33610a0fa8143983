package main

import (
	"errors"
	"math"
)

// status is what a peer announces of itself (protocols/packets.md).
type status struct {
	Pow           float64 `json:"pow"`
	Bloom         []byte  `json:"-"`
	Light         bool    `json:"light"`
	Confirmations bool    `json:"confirmations"`
}

func (s status) encode() []byte {
	pair := func(key uint64, value []byte) []byte { return rlpList(rlpUint(key), value) }
	options := [][]byte{pair(0, rlpUint(math.Float64bits(s.Pow)))}
	if s.Bloom != nil {
		options = append(options, pair(1, rlpString(s.Bloom)))
	}
	if s.Light {
		options = append(options, pair(2, rlpUint(1)))
	}
	if s.Confirmations {
		options = append(options, pair(3, rlpUint(1)))
	}
	return rlpList(options...)
}

func decodeStatus(body []byte) (s status, err error) {
	options, err := rlpChildren(body)
	if err != nil {
		return s, err
	}
	for _, option := range options {
		pair, err := option.children()
		if err != nil || len(pair) != 2 {
			return s, errRLP
		}
		key, err := pair[0].uint()
		if err != nil {
			return s, err
		}
		switch key {
		case 0:
			n, err := pair[1].uint()
			if err != nil {
				return s, err
			}
			s.Pow = math.Float64frombits(n)
		case 1:
			s.Bloom = pair[1].payload
		case 2:
			s.Light = len(pair[1].payload) == 1
		case 3:
			s.Confirmations = len(pair[1].payload) == 1
		}
	}
	return s, nil
}

func messages(envelopes [][]byte) packet {
	return packet{code: codeMessages, body: rlpList(envelopes...)}
}

// confirmations are what a receiver of messages sends when it kept all of them.
func confirmations(messages []byte) []packet {
	batch := keccak(messages)
	return []packet{
		{code: codeMessageResponse, body: rlpList(rlpUint(1), rlpList(rlpString(batch[:]), rlpList()))},
		{code: codeBatchAck, body: rlpString(batch[:])},
	}
}

// decodeResponse is the batch that a Message Response is about, and how many envelopes of it were refused.
func decodeResponse(body []byte) (batch []byte, refused int, err error) {
	outer, err := rlpChildren(body)
	if err != nil || len(outer) != 2 {
		return nil, 0, errors.New("this is no Message Response")
	}
	inner, err := outer[1].children()
	if err != nil || len(inner) != 2 {
		return nil, 0, errors.New("this is no Message Response")
	}
	all, err := inner[1].children()
	return inner[0].payload, len(all), err
}
