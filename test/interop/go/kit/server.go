package kit

import (
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/p2p/enode"
)

const dialTimeout = 10 * time.Second

// dynDialed marks a connection that we dialled, in the servers of all versions.
const dynDialed = 1

// startServer listens with the capabilities of the libraries and tells of peers that leave.
func (n *Node) startServer(listen, name string) error {
	config := p2p.Config{
		PrivateKey: n.key, MaxPeers: 200, MaxPendingPeers: 200, Name: name, ListenAddr: listen, NoDiscovery: true, DialRatio: 2,
	}
	for _, library := range n.libraries {
		config.Protocols = append(config.Protocols, n.wrap(library))
	}
	n.server = &p2p.Server{Config: config}
	if err := n.server.Start(); err != nil {
		return err
	}
	events := make(chan *p2p.PeerEvent, 256)
	n.server.SubscribeEvents(events)
	go func() {
		for event := range events {
			if event.Type == p2p.PeerEventTypeDrop {
				n.left(event.Peer, event.Error)
			}
		}
	}()
	for _, library := range n.libraries {
		if err := library.Start(n.server); err != nil {
			return err
		}
	}
	return nil
}

// wrap puts the tap between the peer and the library.
func (n *Node) wrap(library Library) p2p.Protocol {
	protocol := library.Protocol()
	run := protocol.Run
	protocol.Run = func(peer *p2p.Peer, rw p2p.MsgReadWriter) error {
		c := &conversation{
			node: n, library: library, peer: peer, key: publicKeyOf(peer.Node()), rw: rw, tally: make(map[string]map[uint64]*tally),
		}
		err := run(peer, c)
		n.ended(c, err)
		return err
	}
	return protocol
}

// dial connects once, and returns when both sides know each other's capabilities.
func (n *Node) dial(node *enode.Node) error {
	address := net.JoinHostPort(node.IP().String(), fmt.Sprint(node.TCP()))
	socket, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return err
	}
	return n.server.SetupConn(socket, dynDialed, node)
}

// parsePeer reads an enode URL or a public key of 128 hex digits.
func parsePeer(text string) (*enode.Node, error) {
	if strings.HasPrefix(text, "enode://") {
		return enode.ParseV4(text)
	}
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(b) != 64 {
		return nil, fmt.Errorf("%q is neither an enode URL nor a public key of 64 bytes", text)
	}
	key, err := crypto.UnmarshalPubkey(append([]byte{4}, b...))
	if err != nil {
		return nil, err
	}
	return enode.NewV4(key, nil, 0, 0), nil
}

func publicKeyOf(node *enode.Node) string {
	return hex.EncodeToString(crypto.FromECDSAPub(node.Pubkey())[1:])
}
