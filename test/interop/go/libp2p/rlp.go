package main

import "errors"

var errRLP = errors.New("malformed RLP")

// item is one RLP item, as a view over the bytes that it came from.
type item struct {
	list    bool
	raw     []byte
	payload []byte
}

func rlpString(b []byte) []byte {
	if len(b) == 1 && b[0] < 0x80 {
		return []byte{b[0]}
	}
	return append(rlpHead(0x80, len(b)), b...)
}

// rlpUint encodes an integer without leading zeros; zero is the empty string.
func rlpUint(n uint64) []byte {
	return rlpString(bigEndian(n))
}

// rlpList joins items that are already encoded.
func rlpList(items ...[]byte) []byte {
	var body []byte
	for _, one := range items {
		body = append(body, one...)
	}
	return append(rlpHead(0xc0, len(body)), body...)
}

func rlpHead(base byte, size int) []byte {
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

// rlpNext takes the first item off the front of b, in its canonical form only.
func rlpNext(b []byte) (item, []byte, error) {
	if len(b) == 0 {
		return item{}, nil, errRLP
	}
	first := b[0]
	if first < 0x80 {
		return item{raw: b[:1], payload: b[:1]}, b[1:], nil
	}
	one := item{list: first >= 0xc0}
	base := byte(0x80)
	if one.list {
		base = 0xc0
	}
	head, size := 1, int(first-base)
	if size > 55 {
		width := size - 55
		if width > 4 || len(b) < 1+width || b[1] == 0 {
			return item{}, nil, errRLP
		}
		head, size = 1+width, 0
		for _, c := range b[1:head] {
			size = size<<8 | int(c)
		}
		if size < 56 {
			return item{}, nil, errRLP
		}
	}
	if size > len(b)-head || (base == 0x80 && size == 1 && b[head] < 0x80) {
		return item{}, nil, errRLP
	}
	one.raw, one.payload = b[:head+size], b[head:head+size]
	return one, b[head+size:], nil
}

// rlpChildren lists the children of the one list that b is.
func rlpChildren(b []byte) ([]item, error) {
	whole, rest, err := rlpNext(b)
	if err != nil || len(rest) > 0 || !whole.list {
		return nil, errRLP
	}
	return whole.children()
}

func (i item) children() (items []item, err error) {
	if !i.list {
		return nil, errRLP
	}
	for b := i.payload; len(b) > 0; {
		var one item
		if one, b, err = rlpNext(b); err != nil {
			return nil, err
		}
		items = append(items, one)
	}
	return items, nil
}

func (i item) uint() (uint64, error) {
	if i.list || len(i.payload) > 8 || (len(i.payload) > 0 && i.payload[0] == 0) {
		return 0, errRLP
	}
	var n uint64
	for _, b := range i.payload {
		n = n<<8 | uint64(b)
	}
	return n, nil
}
