package kit

import (
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/p2p/enode"
)

// Node is one long-lived peer, driven by commands.
type Node struct {
	console   *Console
	makers    map[string]func(LibraryOptions) (Library, error)
	fallback  string
	report    ReportOptions
	key       *ecdsa.PrivateKey
	server    *p2p.Server
	libraries []Library

	mu            sync.Mutex
	conversations map[string]map[enode.ID]*conversation // by capability
	names         map[enode.ID]string
	endings       map[enode.ID]map[string]string
	symKeys       map[string][]byte
}

// Main runs a peer on standard input and output; fallback is the capability of a start command that names none.
func Main(fallback string, makers map[string]func(LibraryOptions) (Library, error)) {
	level, err := log.LvlFromString(os.Getenv("INTEROP_LOG"))
	if err != nil {
		level = log.LvlError
	}
	log.Root().SetHandler(log.LvlFilterHandler(level, log.StreamHandler(os.Stderr, log.TerminalFormat(false))))
	node := &Node{
		console:       NewConsole(os.Stdout),
		makers:        makers,
		fallback:      fallback,
		conversations: make(map[string]map[enode.ID]*conversation),
		names:         make(map[enode.ID]string),
		endings:       make(map[enode.ID]map[string]string),
		symKeys:       make(map[string][]byte),
	}
	if err := node.console.Serve(os.Stdin, node.handle); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	node.stop()
}

// StartOptions are those of the start command.
type StartOptions struct {
	head
	Key            string             `json:"key"`
	Listen         string             `json:"listen"`
	Name           string             `json:"name"`
	Capability     Names              `json:"capability"`
	Role           string             `json:"role"`
	Pow            *float64           `json:"pow"`
	Bloom          string             `json:"bloom"`
	Confirmations  *bool              `json:"confirmations"`
	MaxMessageSize uint32             `json:"maxMessageSize"`
	RateLimits     *RateLimits        `json:"rateLimits"`
	Mailserver     *MailserverOptions `json:"mailserver"`
	Report         ReportOptions      `json:"report"`
}

// Names is one name, several joined by |, or a list of them.
type Names []string

// UnmarshalJSON reads either form.
func (names *Names) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*names = strings.Split(one, "|")
		return nil
	}
	return json.Unmarshal(text, (*[]string)(names))
}

const (
	defaultPow         = 0.002
	defaultMessageSize = 1 << 20
)

func (n *Node) start(o StartOptions) (err error) {
	if n.server != nil {
		return fmt.Errorf("already started")
	}
	if o.Key == "" {
		n.key, err = crypto.GenerateKey()
	} else {
		n.key, err = crypto.HexToECDSA(strings.TrimPrefix(o.Key, "0x"))
	}
	if err != nil {
		return err
	}
	if len(o.Capability) == 0 {
		o.Capability = Names{n.fallback}
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	n.report = o.Report
	options := LibraryOptions{
		Key: n.key, Pow: defaultPow, Confirmations: o.Confirmations == nil || *o.Confirmations, MaxMessageSize: o.MaxMessageSize,
		RateLimits: o.RateLimits, Emit: n.console.Emit, Feed: o.Report.Feed, NameOf: n.nameOf,
	}
	if o.Pow != nil {
		options.Pow = *o.Pow
	}
	if options.MaxMessageSize == 0 {
		options.MaxMessageSize = defaultMessageSize
	}
	switch o.Role {
	case "light":
		options.Light = true
	case "", "full":
	default:
		return fmt.Errorf("role is full or light, not %q", o.Role)
	}
	if options.Bloom, err = parseBloom(o.Bloom); err != nil {
		return err
	}
	for _, name := range o.Capability {
		maker := n.makers[name]
		if maker == nil {
			return fmt.Errorf("this program does not speak %q", name)
		}
		library, err := maker(options)
		if err != nil {
			return err
		}
		if o.Mailserver != nil {
			if err := library.OpenMailserver(*o.Mailserver); err != nil {
				return err
			}
		}
		n.libraries = append(n.libraries, library)
		n.conversations[name] = make(map[enode.ID]*conversation)
	}
	if o.Name == "" {
		o.Name = "interop/" + strings.Join(o.Capability, "+")
	}
	return n.startServer(o.Listen, o.Name)
}

func (n *Node) stop() {
	if n.server == nil {
		return
	}
	n.server.Stop()
	for _, library := range n.libraries {
		if err := library.Stop(); err != nil {
			n.console.Emit("error", Fields{"message": err.Error()})
		}
	}
}

// wants reads a report option that is on by default.
func (n *Node) wants(option *bool) bool {
	return option == nil || *option
}

// announce is called once the library took the peer in.
func (n *Node) announce(c *conversation) {
	n.mu.Lock()
	n.conversations[c.library.Capability()][c.peer.ID()] = c
	n.names[c.peer.ID()] = c.key
	n.mu.Unlock()
	capabilities := make([]string, 0, len(c.peer.Caps()))
	for _, capability := range c.peer.Caps() {
		capabilities = append(capabilities, capability.String())
	}
	c.mu.Lock()
	status := hexOf(c.status)
	c.mu.Unlock()
	n.console.Emit("peer", c.fields(Fields{
		"enode": c.peer.Node().URLv4(), "name": c.peer.Name(), "capabilities": capabilities, "inbound": c.peer.Inbound(), "status": status,
	}))
}

// ended is called when the library is through with a peer.
func (n *Node) ended(c *conversation, err error) {
	id, name := c.peer.ID(), c.library.Capability()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[id] = c.key
	if n.conversations[name][id] == c {
		delete(n.conversations[name], id)
	}
	if n.endings[id] == nil {
		n.endings[id] = make(map[string]string)
	}
	if err != nil {
		n.endings[id][name] = err.Error()
	}
}

// left is called when the connection is gone.
func (n *Node) left(id enode.ID, reason string) {
	n.mu.Lock()
	name, errors := n.names[id], n.endings[id]
	delete(n.endings, id)
	n.mu.Unlock()
	n.console.Emit("peer-down", Fields{"peer": name, "reason": reason, "errors": errors})
}

func (n *Node) nameOf(id enode.ID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.names[id]
}

// library picks by capability; the first one when none is named.
func (n *Node) library(capability string) (Library, error) {
	for _, library := range n.libraries {
		if capability == "" || library.Capability() == capability {
			return library, nil
		}
	}
	return nil, fmt.Errorf("not started with %q", capability)
}

// conversation finds the peer; the capability may be left out.
func (n *Node) conversation(peer, capability string) (*conversation, error) {
	library, err := n.library(capability)
	if err != nil {
		return nil, err
	}
	node, err := parsePeer(peer)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.conversations[library.Capability()][node.ID()]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("no %s conversation with %s", library.Capability(), publicKeyOf(node))
}

func parseBloom(text string) ([]byte, error) {
	switch text {
	case "":
		return nil, nil
	case "full":
		return fullBloom(), nil
	}
	bloom, err := parseHex(text)
	if err != nil || len(bloom) != 64 {
		return nil, fmt.Errorf("a bloom is \"full\" or 64 bytes of hex")
	}
	return bloom, nil
}

func (n *Node) ready() Fields {
	capabilities := make([]string, 0, len(n.libraries))
	for _, library := range n.libraries {
		capabilities = append(capabilities, library.Capability())
	}
	return Fields{
		"enode": n.server.Self().URLv4(), "peer": publicKeyOf(n.server.Self()), "capabilities": capabilities,
		"publicKey": "0x" + hex.EncodeToString(crypto.FromECDSAPub(&n.key.PublicKey)), "pid": os.Getpid(),
	}
}
