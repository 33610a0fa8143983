// Writes the archive of a legacy mailserver by the LevelDB that those programs use, with their options, and keeps it open until
// its standard input ends: interop-leveldb <status-go|go-ethereum> <folder> <file of encoded envelopes, one after the other>.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"golang.org/x/crypto/sha3"
)

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("usage: interop-leveldb <status-go|go-ethereum> <folder> <file>"))
	}
	form, folder, file := os.Args[1], os.Args[2], os.Args[3]
	content, err := os.ReadFile(file)
	fail(err)
	files := map[string]int{"status-go": 5, "go-ethereum": 32}[form]
	db, err := leveldb.OpenFile(folder, &opt.Options{OpenFilesCacheCapacity: files})
	fail(err)
	for len(content) > 0 {
		raw, fields, rest := next(content)
		content = rest
		key := binary.BigEndian.AppendUint32(nil, number(fields[0])-number(fields[1]))
		hash := sha3.NewLegacyKeccak256()
		hash.Write(raw)
		key = hash.Sum(key)
		if form == "status-go" {
			key = append(key, fields[2]...)
		}
		fail(db.Put(key, raw, nil))
	}
	fmt.Println("written")
	_, _ = io.Copy(io.Discard, os.Stdin)
	fail(db.Close())
}

// next cuts one envelope off, and its first three items.
func next(b []byte) (raw []byte, fields [3][]byte, rest []byte) {
	body, end := item(b)
	inside := b[body:end]
	for i := range fields {
		from, to := item(inside)
		fields[i] = inside[from:to]
		inside = inside[to:]
	}
	return b[:end], fields, b[end:]
}

// item tells where what an RLP item holds begins and ends.
func item(b []byte) (body, end int) {
	first := int(b[0])
	if first < 0x80 {
		return 0, 1
	}
	short := first - 0x80
	if first >= 0xc0 {
		short = first - 0xc0
	}
	if short <= 55 {
		return 1, 1 + short
	}
	length := 0
	for _, digit := range b[1 : 1+short-55] {
		length = length<<8 | int(digit)
	}
	return 1 + short - 55, 1 + short - 55 + length
}

func number(b []byte) (n uint32) {
	for _, digit := range b {
		n = n<<8 | uint32(digit)
	}
	return n
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
