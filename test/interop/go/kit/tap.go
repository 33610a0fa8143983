package kit

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p"
)

// Packet codes the tap understands.
const (
	codeStatus   = 0x00
	codeMessages = 0x01
	codeComplete = 0x7d
	codeRequest  = 0x7e
	codeP2P      = 0x7f
)

// ReportOptions says which packets become events.
type ReportOptions struct {
	Historic *bool `json:"historic"` // "historic" per 0x7f, with hashes (default true)
	Gossip   *bool `json:"gossip"`   // "gossip" per 0x01 in either direction, with hashes (default true)
	Feed     bool  `json:"feed"`     // "library" per event of the library's own envelope feed
	Packets  bool  `json:"packets"`  // "packet" per packet in either direction, with its body
}

// conversation is one capability with one peer: it hands packets on to the library and back, and tells of them on the way.
type conversation struct {
	node    *Node
	library Library
	peer    *p2p.Peer
	key     string
	rw      p2p.MsgReadWriter
	counter atomic.Pointer[counter]

	mu     sync.Mutex
	reads  int
	status []byte
	tally  map[string]map[uint64]*tally
}

type tally struct {
	Packets int `json:"packets"`
	Bytes   int `json:"bytes"`
}

// ReadMsg is what the library calls. Its second call means that it was content with the peer's Status.
func (c *conversation) ReadMsg() (p2p.Msg, error) {
	if c.reads++; c.reads == 2 {
		c.node.announce(c)
	}
	for {
		msg, err := c.rw.ReadMsg()
		if err != nil {
			return msg, err
		}
		body, err := payloadOf(msg)
		if err != nil {
			return msg, err
		}
		msg.Payload = bytes.NewReader(body)
		if c.incoming(msg.Code, body) {
			return msg, nil
		}
	}
}

// payloadOf reads the payload into memory of its size: a history is bulk.
func payloadOf(msg p2p.Msg) ([]byte, error) {
	body := make([]byte, msg.Size)
	_, err := io.ReadFull(msg.Payload, body)
	return body, err
}

// WriteMsg is what the library calls to send.
func (c *conversation) WriteMsg(msg p2p.Msg) error {
	body, err := payloadOf(msg)
	if err != nil {
		return err
	}
	msg.Payload = bytes.NewReader(body)
	c.count("out", msg.Code, len(body))
	c.packet("out", msg.Code, body)
	if msg.Code == codeMessages && c.node.wants(c.node.report.Gossip) {
		c.gossip("out", body)
	}
	return c.rw.WriteMsg(msg)
}

// incoming tells whether the library gets to see the packet.
func (c *conversation) incoming(code uint64, body []byte) bool {
	c.count("in", code, len(body))
	c.packet("in", code, body)
	counter := c.counter.Load()
	switch code {
	case codeStatus:
		c.mu.Lock()
		if c.status == nil {
			c.status = body
		}
		c.mu.Unlock()
	case codeMessages:
		if c.node.wants(c.node.report.Gossip) {
			c.gossip("in", body)
		}
	case codeP2P:
		if counter != nil {
			return counter.envelopes(body)
		}
		if c.node.wants(c.node.report.Historic) {
			c.historic(body)
		}
	case codeComplete:
		if counter != nil {
			counter.complete(body)
		}
		c.node.console.Emit("completion", c.fields(Fields{"body": hexOf(body)}))
	}
	return true
}

func (c *conversation) count(direction string, code uint64, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tally[direction] == nil {
		c.tally[direction] = make(map[uint64]*tally)
	}
	t := c.tally[direction][code]
	if t == nil {
		t = &tally{}
		c.tally[direction][code] = t
	}
	t.Packets++
	t.Bytes += size
}

func (c *conversation) packet(direction string, code uint64, body []byte) {
	if c.node.report.Packets {
		c.node.console.Emit("packet", c.fields(Fields{"dir": direction, "code": code, "body": hexOf(body)}))
	}
}

func (c *conversation) gossip(direction string, body []byte) {
	fields := Fields{"dir": direction, "batch": hexOf(crypto.Keccak256(body)), "bytes": len(body)}
	if items, err := rlpChildren(body); err == nil {
		fields["hashes"] = hashItems(items)
	}
	c.node.console.Emit("gossip", c.fields(fields))
}

func (c *conversation) historic(body []byte) {
	fields := Fields{"bytes": len(body)}
	if items, single, err := splitEnvelopes(body); err == nil {
		fields["hashes"], fields["single"] = hashItems(items), single
	} else {
		fields["error"] = err.Error()
	}
	c.node.console.Emit("historic", c.fields(fields))
}

func (c *conversation) fields(fields Fields) Fields {
	fields["peer"], fields["capability"] = c.key, c.library.Capability()
	return fields
}

func hashItems(items []rlpItem) []string {
	out := make([]string, len(items))
	for i, item := range items {
		hash := HashOf(item.raw)
		out[i] = hexOf(hash[:])
	}
	return out
}
