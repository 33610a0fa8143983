package kit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Request is a history request, before it is written in one of the forms peers understand.
type Request struct {
	Lower, Upper uint32
	Bloom        []byte // empty or 64 bytes
	Topics       [][4]byte
	Limit        uint32
	Cursor       []byte
	Batch        bool
}

// Forms names every way a request can be written.
var Forms = []string{
	"enc-sg7", "enc-sg6", "enc-spec4", "enc-spec5", "enc-spec6t", "raw8", "raw12", "raw72", "raw76", "raw112", "plain6", "plain7",
}

// isPlain tells the forms that travel without encryption.
func isPlain(form string) bool {
	return strings.HasPrefix(form, "plain")
}

// encodeInner writes the plaintext that a request envelope carries.
func (r Request) encodeInner(form string) ([]byte, error) {
	lower, upper, limit := rlpUint(uint64(r.Lower)), rlpUint(uint64(r.Upper)), rlpUint(uint64(r.Limit))
	bloom, cursor, topics := rlpString(r.Bloom), rlpString(r.Cursor), r.topicList()
	batch := rlpUint(0)
	if r.Batch {
		batch = rlpUint(1)
	}
	switch form {
	case "enc-sg7":
		return rlpList(lower, upper, bloom, topics, limit, cursor, batch), nil
	case "enc-sg6":
		return rlpList(lower, upper, bloom, limit, cursor, batch), nil
	case "enc-spec4":
		return rlpList(lower, upper, bloom, limit), nil
	case "enc-spec5":
		return rlpList(lower, upper, bloom, limit, cursor), nil
	case "enc-spec6t":
		return rlpList(lower, upper, bloom, limit, cursor, topics), nil
	}
	out := binary.BigEndian.AppendUint32(nil, r.Lower)
	out = binary.BigEndian.AppendUint32(out, r.Upper)
	switch form {
	case "raw8":
		return out, nil
	case "raw12":
		if len(r.Topics) != 1 {
			return nil, errors.New("raw12 carries exactly one topic")
		}
		return append(out, r.Topics[0][:]...), nil
	}
	if len(r.Bloom) != 64 {
		return nil, fmt.Errorf("%s needs a bloom of 64 bytes", form)
	}
	out = append(out, r.Bloom...)
	switch form {
	case "raw72":
		return out, nil
	case "raw76":
		return binary.BigEndian.AppendUint32(out, r.Limit), nil
	case "raw112":
		if len(r.Cursor) != 36 {
			return nil, errors.New("raw112 needs a cursor of 36 bytes")
		}
		return append(binary.BigEndian.AppendUint32(out, r.Limit), r.Cursor...), nil
	}
	return nil, fmt.Errorf("unknown form %q, known: %s", form, strings.Join(Forms, " "))
}

// encodePlain writes the whole packet body of a request without encryption.
func (r Request) encodePlain(form string, id Hash) []byte {
	items := [][]byte{
		rlpString(id[:]), rlpUint(uint64(r.Lower)), rlpUint(uint64(r.Upper)), rlpUint(uint64(r.Limit)), rlpString(r.Cursor), rlpString(r.Bloom),
	}
	if form == "plain7" {
		items = append(items, r.topicList())
	}
	return rlpList(items...)
}

func (r Request) topicList() []byte {
	items := make([][]byte, 0, len(r.Topics))
	for _, topic := range r.Topics {
		items = append(items, rlpString(topic[:]))
	}
	return rlpList(items...)
}

// decodeInner reads the plaintext of a request envelope in one of the accepted list forms, "sg7" or "sg6".
func decodeInner(payload []byte, accepted []string) (r Request, form string, err error) {
	err = errors.New("not a list")
	for _, form = range accepted {
		switch form {
		case "sg7":
			r, err = decodeList(payload, 7, []int{0, 1, 2, 4, 5, 6, 3})
		case "sg6":
			r, err = decodeList(payload, 6, []int{0, 1, 2, 3, 4, 5, -1})
		case "raw": // tried last, by itself
			continue
		default:
			err = fmt.Errorf("unknown form %q", form)
		}
		if err == nil {
			return r, form, nil
		}
	}
	return r, "", err
}

// decodeList reads a list of exactly count items; places says where lower, upper, bloom, limit, cursor, batch and topics stand.
func decodeList(payload []byte, count int, places []int) (r Request, err error) {
	items, err := rlpChildren(payload)
	if err != nil {
		return r, err
	}
	if len(items) != count {
		return r, fmt.Errorf("request has %d items, expected %d", len(items), count)
	}
	for i, target := range []*uint32{&r.Lower, &r.Upper, nil, &r.Limit} {
		if target == nil {
			continue
		}
		if *target, err = items[places[i]].uint32(); err != nil {
			return r, err
		}
	}
	bloom, cursor, batch := items[places[2]], items[places[4]], items[places[5]]
	if bloom.list || cursor.list || batch.list {
		return r, errors.New("request has a list where a string belongs")
	}
	r.Bloom, r.Cursor = bloom.payload, cursor.payload
	r.Batch = len(batch.payload) == 1 && batch.payload[0] == 1
	if places[6] < 0 {
		return r, nil
	}
	if !items[places[6]].list {
		return r, errors.New("topics are not a list")
	}
	topics, err := rlpItems(items[places[6]].payload)
	if err != nil {
		return r, err
	}
	for _, item := range topics {
		if item.list {
			return r, errors.New("a topic is a list")
		}
		r.Topics = append(r.Topics, fitTopic(item.payload))
	}
	return r, nil
}

// fitTopic pads or cuts to four bytes, as the libraries do.
func fitTopic(b []byte) (topic [4]byte) {
	copy(topic[:], b)
	return topic
}

// decodeRaw reads the fixed layout of 8, 72, 76 or 112 bytes.
func decodeRaw(payload []byte) (r Request, err error) {
	if len(payload) < 8 {
		return r, errors.New("Undersized p2p request")
	}
	if len(payload) > 8 && len(payload) < 72 {
		return r, errors.New("Undersized bloom filter in p2p request")
	}
	r.Lower, r.Upper = binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:])
	r.Bloom = fullBloom()
	if len(payload) >= 72 {
		r.Bloom = payload[8:72]
	}
	if len(payload) >= 76 {
		r.Limit = binary.BigEndian.Uint32(payload[72:])
	}
	if len(payload) == 112 {
		r.Cursor = payload[76:]
	}
	return r, nil
}

func fullBloom() []byte {
	bloom := make([]byte, 64)
	for i := range bloom {
		bloom[i] = 0xff
	}
	return bloom
}
