package main

import (
	"encoding/hex"

	"mailserver.test/interop/kit"
)

func hexOf(b []byte) string {
	return "0x" + hex.EncodeToString(b)
}

func topicBytes(topics [][4]byte) (out [][]byte) {
	for _, topic := range topics {
		out = append(out, topic[:])
	}
	return out
}

func topicArrays(topics [][]byte) (out [][4]byte) {
	for _, topic := range topics {
		var four [4]byte
		copy(four[:], topic)
		out = append(out, four)
	}
	return out
}

// requestID takes the first 32 bytes, as the libraries' own hash conversion does for ids of the right length.
func requestID(b []byte) (id kit.Hash) {
	copy(id[:], b)
	return id
}
