package main

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libp2ppeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multistream"
)

const (
	packetsProtocol    protocol.ID = "/waku/1/packets/1.0.0"
	mailserverProtocol protocol.ID = "/waku/1/mailserver/1.0.0"
	pushProtocol       protocol.ID = "/waku/1/mailserver-push/1.0.0"
)

// patience is how long one exchange may take.
const patience = 15 * time.Second

// newHost is a peer on TCP with Noise and Yamux, as protocols/packets.md asks for.
func newHost() (host.Host, error) {
	key, _, err := crypto.GenerateSecp256k1Key(nil)
	if err != nil {
		return nil, err
	}
	return libp2p.New(
		libp2p.Identity(key),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
	)
}

func addressesOf(h host.Host) (out []string) {
	for _, address := range h.Addrs() {
		out = append(out, address.String()+"/p2p/"+h.ID().String())
	}
	return out
}

func dial(ctx context.Context, h host.Host, address string) (libp2ppeer.ID, error) {
	at, err := multiaddr.NewMultiaddr(address)
	if err != nil {
		return "", err
	}
	info, err := libp2ppeer.AddrInfoFromP2pAddr(at)
	if err != nil {
		return "", err
	}
	return info.ID, h.Connect(ctx, *info)
}

// manner is how a stream is written.
type manner struct {
	// Wait for the answer to the negotiation before anything else is written.
	Eager bool `json:"eager"`
	// One byte in each write, with a pause between them.
	Bytewise bool `json:"bytewise"`
	// Close this side at once behind what is written.
	HalfClose bool `json:"halfClose"`
	// End behind what is written: "reset" of the stream, "disconnect", or "cut" inside the last frame.
	End string `json:"end"`
}

// openStream opens a stream; a lazy one, which is go-libp2p's own way, negotiates with the first bytes that are written.
func openStream(ctx context.Context, h host.Host, to libp2ppeer.ID, id protocol.ID, how manner) (network.Stream, error) {
	if !how.Eager {
		return h.NewStream(ctx, to, id)
	}
	stream, err := h.Network().NewStream(ctx, to)
	if err != nil {
		return nil, err
	}
	stream.SetDeadline(time.Now().Add(patience))
	if err := multistream.SelectProtoOrFail(id, stream); err != nil {
		stream.Reset()
		return nil, err
	}
	return stream, nil
}

// write sends packets the way that is asked for.
func write(stream network.Stream, how manner, packets ...packet) error {
	stream.SetDeadline(time.Now().Add(patience))
	var bytes []byte
	for _, p := range packets {
		bytes = append(bytes, p.frame()...)
	}
	if how.End == "cut" {
		bytes = bytes[:len(bytes)-1]
	}
	step := len(bytes)
	if how.Bytewise {
		step = 1
	}
	for ; len(bytes) > 0; bytes = bytes[step:] {
		step = min(step, len(bytes))
		if _, err := stream.Write(bytes[:step]); err != nil {
			return err
		}
		if how.Bytewise {
			time.Sleep(100 * time.Microsecond)
		}
	}
	switch {
	case how.End == "reset":
		return stream.Reset()
	case how.End == "disconnect":
		return stream.Conn().Close()
	case how.HalfClose || how.End == "cut":
		return stream.CloseWrite()
	}
	return nil
}
