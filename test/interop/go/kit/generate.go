package kit

import (
	"bufio"
	"encoding/binary"
	"math/rand"
	"os"
)

// GenerateOptions describe an archive to make up: envelopes spread evenly over the range, with random data and no proof of work.
type GenerateOptions struct {
	head
	File   string `json:"file"`
	Count  int    `json:"count"`
	Size   int    `json:"size"` // bytes of data in each, default 400
	From   uint32 `json:"from"`
	To     uint32 `json:"to"`
	TTL    uint32 `json:"ttl"`    // default 86400
	Topics int    `json:"topics"` // how many different ones, default 1000
	Seed   int64  `json:"seed"`
}

// Generate writes the encoded envelopes one after the other; they are self-delimiting.
func Generate(o GenerateOptions) error {
	if o.Size == 0 {
		o.Size = 400
	}
	if o.TTL == 0 {
		o.TTL = 86400
	}
	if o.Topics == 0 {
		o.Topics = 1000
	}
	file, err := os.Create(o.File)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriterSize(file, 1<<20)
	random := rand.New(rand.NewSource(o.Seed))
	data := make([]byte, o.Size)
	for i := 0; i < o.Count; i++ {
		random.Read(data)
		var topic [4]byte
		binary.BigEndian.PutUint32(topic[:], uint32(i%o.Topics)*2654435761)
		sent := o.From + uint32(uint64(i)*uint64(o.To-o.From)/uint64(max(o.Count-1, 1)))
		if _, err := out.Write(EncodeEnvelope(sent+o.TTL, o.TTL, topic, data, uint64(i))); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}
