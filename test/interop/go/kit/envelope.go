package kit

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/crypto"
)

// Hash is the Keccak-256 of an encoded envelope.
type Hash [32]byte

// HashOf hashes an encoded envelope.
func HashOf(raw []byte) (h Hash) {
	copy(h[:], crypto.Keccak256(raw))
	return h
}

// header is what an archive needs to know of an encoded envelope.
type header struct {
	sent  uint32
	topic [4]byte
}

// readHeader reads [expiry, ttl, topic, data, nonce] without copying the data.
func readHeader(raw []byte) (h header, err error) {
	items, err := rlpChildren(raw)
	if err != nil || len(items) != 5 || len(items[2].payload) != 4 {
		return h, errRLP
	}
	expiry, err := items[0].uint32()
	if err != nil {
		return h, err
	}
	ttl, err := items[1].uint32()
	if err != nil {
		return h, err
	}
	h.sent = expiry - ttl
	copy(h.topic[:], items[2].payload)
	return h, nil
}

// EncodeEnvelope builds the five-item list.
func EncodeEnvelope(expiry, ttl uint32, topic [4]byte, data []byte, nonce uint64) []byte {
	return rlpList(rlpUint(uint64(expiry)), rlpUint(uint64(ttl)), rlpString(topic[:]), rlpString(data), rlpUint(nonce))
}

// splitEnvelopes reads the body of a P2P Message: a list of envelopes, or one bare envelope.
func splitEnvelopes(body []byte) (envelopes []rlpItem, single bool, err error) {
	items, err := rlpChildren(body)
	if err != nil {
		return nil, false, err
	}
	if len(items) > 0 && !items[0].list {
		item, _, err := rlpSplit(body)
		return []rlpItem{item}, true, err
	}
	return items, false, nil
}

// cursorOf is the archive key: sent time, then hash.
func cursorOf(sent uint32, hash Hash) (key [36]byte) {
	binary.BigEndian.PutUint32(key[:4], sent)
	copy(key[4:], hash[:])
	return key
}

// TopicOf reads a topic given as 0x and 8 hex digits, or as a name (first 4 bytes of its Keccak-256).
func TopicOf(text string) (topic [4]byte) {
	if b, err := parseHex(text); err == nil && len(b) == 4 && len(text) == 10 {
		copy(topic[:], b)
		return topic
	}
	copy(topic[:], crypto.Keccak256([]byte(text)))
	return topic
}

// topicBloom assigns bits the way the libraries do: a later bit in the same byte replaces an earlier one.
func topicBloom(topic [4]byte) []byte {
	bloom := make([]byte, 64)
	for i := 0; i < 3; i++ {
		bit := int(topic[i])
		if topic[3]&(1<<i) != 0 {
			bit += 256
		}
		bloom[bit/8] = 1 << (bit % 8)
	}
	return bloom
}

func bloomOf(topics [][4]byte) []byte {
	bloom := make([]byte, 64)
	for _, topic := range topics {
		for i, b := range topicBloom(topic) {
			bloom[i] |= b
		}
	}
	return bloom
}

func bloomMatches(filter, sample []byte) bool {
	for i, b := range sample {
		if filter[i]|b != filter[i] {
			return false
		}
	}
	return true
}
