package kit

import "errors"

var errRLP = errors.New("malformed RLP")

// rlpString encodes bytes as an RLP string.
func rlpString(b []byte) []byte {
	if len(b) == 1 && b[0] < 0x80 {
		return []byte{b[0]}
	}
	return append(rlpHeader(0x80, len(b)), b...)
}

// rlpUint encodes an integer without leading zeros; zero is the empty string.
func rlpUint(n uint64) []byte {
	return rlpString(bigEndian(n))
}

// rlpList joins items that are already encoded.
func rlpList(items ...[]byte) []byte {
	size := 0
	for _, item := range items {
		size += len(item)
	}
	out := make([]byte, 0, size+9)
	out = append(out, rlpHeader(0xc0, size)...)
	for _, item := range items {
		out = append(out, item...)
	}
	return out
}

func rlpHeader(base byte, size int) []byte {
	if size < 56 {
		return []byte{base + byte(size)}
	}
	length := bigEndian(uint64(size))
	return append([]byte{base + 55 + byte(len(length))}, length...)
}

func bigEndian(n uint64) []byte {
	var out []byte
	for shift := 56; shift >= 0; shift -= 8 {
		if b := byte(n >> shift); b != 0 || len(out) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// rlpItem is one item of an RLP stream, as a view over the bytes it came from.
type rlpItem struct {
	list    bool
	raw     []byte
	payload []byte
}

// rlpSplit takes the first item off the front of b.
func rlpSplit(b []byte) (item rlpItem, rest []byte, err error) {
	if len(b) == 0 {
		return item, nil, errRLP
	}
	head, size := 1, 0
	switch first := b[0]; {
	case first < 0x80:
		return rlpItem{raw: b[:1], payload: b[:1]}, b[1:], nil
	case first < 0xb8:
		size = int(first - 0x80)
	case first < 0xc0:
		head, size, err = rlpLongSize(b, int(first-0xb7))
	case first < 0xf8:
		item.list, size = true, int(first-0xc0)
	default:
		item.list = true
		head, size, err = rlpLongSize(b, int(first-0xf7))
	}
	if err != nil || size > len(b)-head {
		return item, nil, errRLP
	}
	item.raw, item.payload = b[:head+size], b[head:head+size]
	return item, b[head+size:], nil
}

func rlpLongSize(b []byte, width int) (head, size int, err error) {
	if width > 4 || len(b) < 1+width {
		return 0, 0, errRLP
	}
	for _, c := range b[1 : 1+width] {
		size = size<<8 | int(c)
	}
	return 1 + width, size, nil
}

// rlpItems lists the items of a concatenation.
func rlpItems(b []byte) (items []rlpItem, err error) {
	for len(b) > 0 {
		var item rlpItem
		if item, b, err = rlpSplit(b); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// rlpChildren lists the children of the one list that b is.
func rlpChildren(b []byte) ([]rlpItem, error) {
	item, rest, err := rlpSplit(b)
	if err != nil || len(rest) > 0 || !item.list {
		return nil, errRLP
	}
	return rlpItems(item.payload)
}

// uint32 reads an integer of at most four bytes.
func (item rlpItem) uint32() (uint32, error) {
	if item.list || len(item.payload) > 4 {
		return 0, errRLP
	}
	var n uint32
	for _, b := range item.payload {
		n = n<<8 | uint32(b)
	}
	return n, nil
}
