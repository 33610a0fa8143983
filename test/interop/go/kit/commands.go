package kit

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p"
)

func (n *Node) handle(call *Call) (stop bool, err error) {
	if n.server == nil && call.Name != "start" && call.Name != "generate" && call.Name != "stop" {
		return false, errors.New("not started")
	}
	switch call.Name {
	case "start":
		var o StartOptions
		if err := call.Read(&o); err != nil {
			return false, err
		}
		if err := n.start(o); err != nil {
			return false, err
		}
		call.Reply("ready", n.ready())
	case "dial":
		return false, n.onDial(call)
	case "disconnect":
		return false, n.onDisconnect(call)
	case "trust":
		return false, n.onTrust(call)
	case "update":
		return false, n.onUpdate(call)
	case "post":
		return false, n.onPost(call)
	case "subscribe":
		return false, n.onSubscribe(call)
	case "unsubscribe":
		return false, n.onUnsubscribe(call)
	case "request":
		return false, n.onRequest(call)
	case "count":
		return false, n.onCount(call)
	case "packet":
		return false, n.onPacket(call)
	case "archive":
		return false, n.onArchive(call)
	case "generate":
		return false, n.onGenerate(call)
	case "pool":
		return false, n.onPool(call)
	case "stats":
		return false, n.onStats(call)
	case "stop":
		call.Reply("stopped", nil)
		return true, nil
	default:
		return false, fmt.Errorf("unknown command %q", call.Name)
	}
	return false, nil
}

type peerOptions struct {
	head
	Peer       string `json:"peer"`
	Enode      string `json:"enode"`
	Capability string `json:"capability"`
}

func (o peerOptions) name() string {
	if o.Peer != "" {
		return o.Peer
	}
	return o.Enode
}

func (n *Node) onDial(call *Call) error {
	var o peerOptions
	if err := call.Read(&o); err != nil {
		return err
	}
	node, err := parsePeer(o.name())
	if err != nil {
		return err
	}
	if err := n.dial(node); err != nil {
		return err
	}
	call.Reply("dialled", Fields{"peer": publicKeyOf(node)})
	return nil
}

func (n *Node) onDisconnect(call *Call) error {
	var o peerOptions
	if err := call.Read(&o); err != nil {
		return err
	}
	node, err := parsePeer(o.name())
	if err != nil {
		return err
	}
	for _, peer := range n.server.Peers() {
		if peer.ID() == node.ID() {
			peer.Disconnect(p2p.DiscRequested)
			call.Reply("disconnected", Fields{"peer": publicKeyOf(node)})
			return nil
		}
	}
	return errors.New("no such peer")
}

func (n *Node) onTrust(call *Call) error {
	var o peerOptions
	if err := call.Read(&o); err != nil {
		return err
	}
	c, err := n.conversation(o.name(), o.Capability)
	if err != nil {
		return err
	}
	if err := c.library.Trust(c.peer.ID()); err != nil {
		return err
	}
	call.Reply("trusted", Fields{"peer": c.key})
	return nil
}

func (n *Node) onUpdate(call *Call) error {
	var o struct {
		head
		Capability string   `json:"capability"`
		Pow        *float64 `json:"pow"`
		Bloom      string   `json:"bloom"`
	}
	if err := call.Read(&o); err != nil {
		return err
	}
	library, err := n.library(o.Capability)
	if err != nil {
		return err
	}
	bloom, err := parseBloom(o.Bloom)
	if err != nil {
		return err
	}
	if o.Pow != nil {
		if err := library.SetPow(*o.Pow); err != nil {
			return err
		}
	}
	if bloom != nil {
		if err := library.SetBloom(bloom); err != nil {
			return err
		}
	}
	call.Reply("updated", nil)
	return nil
}

func (n *Node) onSubscribe(call *Call) error {
	var o struct {
		head
		keyOptions
		Capability string   `json:"capability"`
		Topics     []string `json:"topics"`
		AllowP2P   *bool    `json:"allowP2P"`
		Pow        float64  `json:"pow"`
	}
	if err := call.Read(&o); err != nil {
		return err
	}
	library, err := n.library(o.Capability)
	if err != nil {
		return err
	}
	filter := FilterOptions{Topics: parseTopics(o.Topics), AllowP2P: o.AllowP2P == nil || *o.AllowP2P, Pow: o.Pow}
	if filter.SymKey, err = n.symmetric(o.keyOptions); err != nil {
		return err
	}
	if o.Private {
		filter.Key = n.key
	}
	if (filter.SymKey == nil) == (filter.Key == nil) {
		return errors.New("give either key or password, or private")
	}
	named := make(chan string, 1)
	id, err := library.Subscribe(filter, func(m Message) {
		id := <-named
		named <- id
		n.console.Emit("message", m.fields(library.Capability(), id))
	})
	if err != nil {
		return err
	}
	call.Reply("subscribed", Fields{"filter": id})
	named <- id
	return nil
}

func (m Message) fields(capability, filter string) Fields {
	fields := Fields{
		"capability": capability, "filter": filter, "hash": hexOf(m.Hash[:]), "topic": hexOf(m.Topic[:]), "payload": hexOf(m.Payload),
		"sent": m.Sent, "ttl": m.TTL, "pow": m.Pow,
	}
	if m.TTL == 0 {
		fields["pow"] = nil // infinite
	}
	if m.Signer != nil {
		fields["signer"] = hexOf(crypto.FromECDSAPub(m.Signer))
	}
	if m.P2P != nil {
		fields["p2p"] = *m.P2P
	}
	return fields
}

func (n *Node) onUnsubscribe(call *Call) error {
	var o struct {
		head
		Capability string `json:"capability"`
		Filter     string `json:"filter"`
	}
	if err := call.Read(&o); err != nil {
		return err
	}
	library, err := n.library(o.Capability)
	if err != nil {
		return err
	}
	if err := library.Unsubscribe(o.Filter); err != nil {
		return err
	}
	call.Reply("unsubscribed", Fields{"filter": o.Filter})
	return nil
}

func parseTopics(names []string) (topics [][4]byte) {
	for _, name := range names {
		topics = append(topics, TopicOf(name))
	}
	return topics
}

func (n *Node) onPacket(call *Call) error {
	var o struct {
		peerOptions
		Code uint64 `json:"code"`
		Body string `json:"body"`
	}
	if err := call.Read(&o); err != nil {
		return err
	}
	c, err := n.conversation(o.name(), o.Capability)
	if err != nil {
		return err
	}
	body, err := parseHex(o.Body)
	if err != nil {
		return err
	}
	if err := c.write(o.Code, body); err != nil {
		return err
	}
	call.Reply("packet-sent", Fields{"peer": c.key, "code": o.Code, "bytes": len(body)})
	return nil
}

// write sends a packet past the library.
func (c *conversation) write(code uint64, body []byte) error {
	return c.WriteMsg(p2p.Msg{Code: code, Size: uint32(len(body)), Payload: bytes.NewReader(body)})
}

func (n *Node) onPool(call *Call) error {
	var o struct {
		head
		Capability string `json:"capability"`
	}
	if err := call.Read(&o); err != nil {
		return err
	}
	library, err := n.library(o.Capability)
	if err != nil {
		return err
	}
	call.Reply("pool", Fields{"capability": library.Capability(), "hashes": hexes(library.Pool())})
	return nil
}

func (n *Node) onStats(call *Call) error {
	var o head
	if err := call.Read(&o); err != nil {
		return err
	}
	archived, pool := Fields{}, Fields{}
	for _, library := range n.libraries {
		archived[library.Capability()] = library.Archived()
		pool[library.Capability()] = len(library.Pool())
	}
	peers := []Fields{}
	n.mu.Lock()
	for _, conversations := range n.conversations {
		for _, c := range conversations {
			c.mu.Lock()
			packets := Fields{}
			for direction, codes := range c.tally {
				byCode := Fields{}
				for code, t := range codes {
					byCode[fmt.Sprint(code)] = *t
				}
				packets[direction] = byCode
			}
			peers = append(peers, c.fields(Fields{"inbound": c.peer.Inbound(), "status": hexOf(c.status), "packets": packets}))
			c.mu.Unlock()
		}
	}
	n.mu.Unlock()
	call.Reply("stats", Fields{"peers": peers, "archived": archived, "pool": pool})
	return nil
}

// randomID is 32 bytes of lower-case hex digits, as status-go's request ids are.
func randomID() (id Hash, err error) {
	half := make([]byte, 16)
	_, err = rand.Read(half)
	hex.Encode(id[:], half)
	return id, err
}
