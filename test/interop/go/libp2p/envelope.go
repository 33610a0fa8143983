package main

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"golang.org/x/crypto/sha3"
)

// envelope is its bytes; the fields are read from them (protocols/envelope.md).
type envelope struct {
	raw    []byte
	hash   [32]byte
	expiry uint32
	ttl    uint32
	topic  [4]byte
	data   []byte
}

func keccak(parts ...[]byte) (out [32]byte) {
	hash := sha3.NewLegacyKeccak256()
	for _, part := range parts {
		hash.Write(part)
	}
	hash.Sum(out[:0])
	return out
}

func decodeEnvelope(raw []byte) (envelope, error) {
	items, err := rlpChildren(raw)
	if err != nil || len(items) != 5 || items[2].list || len(items[2].payload) != 4 || items[3].list {
		return envelope{}, errors.New("this is no envelope")
	}
	expiry, err1 := items[0].uint()
	ttl, err2 := items[1].uint()
	_, err3 := items[4].uint()
	if err := errors.Join(err1, err2, err3); err != nil || expiry > math.MaxUint32 || ttl > math.MaxUint32 {
		return envelope{}, errors.New("this is no envelope")
	}
	out := envelope{raw: raw, hash: keccak(raw), expiry: uint32(expiry), ttl: uint32(ttl), data: items[3].payload}
	copy(out.topic[:], items[2].payload)
	return out, nil
}

func (e envelope) sent() uint32 {
	return e.expiry - e.ttl
}

// cursor is the position of an envelope in a history.
func (e envelope) cursor() []byte {
	return append(binary.BigEndian.AppendUint32(nil, e.sent()), e.hash[:]...)
}

// mine seals an envelope with the proof of work that is asked.
func mine(expiry, ttl uint32, topic [4]byte, data []byte, pow float64) (envelope, error) {
	fields := [][]byte{rlpUint(uint64(expiry)), rlpUint(uint64(ttl)), rlpString(topic[:]), rlpString(data)}
	short := rlpList(fields...)
	// the longest nonce, before it is known
	longest := rlpList(append(fields[:4:4], rlpUint(math.MaxUint64))...)
	size := max(len(short), 20+len(data), len(longest))
	zeros := max(1, int(math.Ceil(math.Log2(pow*float64(size)*float64(max(ttl, 1))))))
	for nonce := uint64(0); ; nonce++ {
		if hash := keccak(short, binary.BigEndian.AppendUint64(nil, nonce)); leadingZeros(hash) >= zeros {
			return decodeEnvelope(rlpList(append(fields[:4:4], rlpUint(nonce))...))
		}
	}
}

func leadingZeros(hash [32]byte) (zeros int) {
	for _, b := range hash {
		zeros += bits.LeadingZeros8(b)
		if b != 0 {
			break
		}
	}
	return zeros
}

// lossyBloom is what an envelope's topic is tested with against a received filter: bytes are assigned, not combined.
func lossyBloom(topic [4]byte) (bloom [64]byte) {
	for i := range 3 {
		n := int(topic[i])
		if topic[3]&(1<<i) != 0 {
			n += 256
		}
		bloom[n/8] = 1 << (n % 8)
	}
	return bloom
}

// matches tells whether the lossy bloom of the topic is in the filter.
func (e envelope) matches(filter []byte) bool {
	for i, b := range lossyBloom(e.topic) {
		if b&^filter[i] != 0 {
			return false
		}
	}
	return true
}
