package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// The codes of protocols/packets.md and protocols/mailserver.md.
const (
	codeStatus          = 0x00
	codeMessages        = 0x01
	codeBatchAck        = 0x0b
	codeMessageResponse = 0x0c
	codeRequestComplete = 0x7d
	codeRequest         = 0x7e
	codeP2PMessage      = 0x7f
)

const maxFrame = 1<<20 + 16

// packet is one frame: its code and its body, which is one RLP item.
type packet struct {
	code uint64
	body []byte
}

func (p packet) frame() []byte {
	list := rlpList(rlpUint(p.code), p.body)
	return append(binary.AppendUvarint(nil, uint64(len(list))), list...)
}

// packetReader cuts a stream into packets.
type packetReader struct {
	in *bufio.Reader
}

func newPacketReader(in io.Reader) *packetReader {
	return &packetReader{in: bufio.NewReader(in)}
}

// next is io.EOF where the stream ended between two packets.
func (r *packetReader) next() (packet, error) {
	length, err := binary.ReadUvarint(r.in)
	if err != nil {
		return packet{}, err
	}
	if length > maxFrame {
		return packet{}, errors.New("the frame is too long")
	}
	bytes := make([]byte, length)
	if _, err := io.ReadFull(r.in, bytes); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return packet{}, err
	}
	items, err := rlpChildren(bytes)
	if err != nil || len(items) < 2 {
		return packet{}, errRLP
	}
	code, err := items[0].uint()
	return packet{code: code, body: items[1].raw}, err
}
