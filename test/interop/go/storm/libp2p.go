package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"
)

const mailserverProtocol = "/waku/1/mailserver/1.0.0"

const maxFrame = 1<<20 + 16

// libp2pPhone is a whole go-libp2p host, which says and asks what any would.
type libp2pPhone struct {
	host   host.Host
	server peer.ID
	stream network.Stream
	in     *bufio.Reader
}

func libp2pPhones(o options) (makePhone, error) {
	at, err := multiaddr.NewMultiaddr(o.Target)
	if err != nil {
		return nil, err
	}
	server, err := peer.AddrInfoFromP2pAddr(at)
	if err != nil {
		return nil, err
	}
	return func(number int) (func() (phone, error), error) {
		h, err := newHost(o, number)
		if err != nil {
			return nil, err
		}
		return func() (phone, error) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := h.Connect(ctx, *server); err != nil {
				h.Close()
				return nil, err
			}
			return &libp2pPhone{host: h, server: server.ID}, nil
		}, nil
	}, nil
}

// newHost has an ed25519 key or a secp256k1 key in turn.
func newHost(o options, number int) (host.Host, error) {
	kind := crypto.Ed25519
	if number%2 == 1 {
		kind = crypto.Secp256k1
	}
	key, _, err := crypto.GenerateKeyPair(kind, 0)
	if err != nil {
		return nil, err
	}
	own := dialer(o, number)
	return libp2p.New(
		libp2p.Identity(key),
		libp2p.NoListenAddrs,
		libp2p.Transport(tcp.NewTCPTransport, tcp.WithDialerForAddr(func(multiaddr.Multiaddr) (tcp.ContextDialer, error) {
			return own, nil
		})),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.DisableIdentifyAddressDiscovery(),
	)
}

func (p *libp2pPhone) ask(request []byte) (int, error) {
	if p.stream == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		stream, err := p.host.NewStream(ctx, p.server, mailserverProtocol)
		if err != nil {
			return 0, err
		}
		p.stream, p.in = stream, bufio.NewReaderSize(stream, 1<<16)
	}
	p.stream.SetDeadline(time.Now().Add(patience))
	if _, err := p.stream.Write(request); err != nil {
		return 0, err
	}
	total := 0
	for {
		code, body, err := p.next()
		if err != nil {
			return total, err
		}
		switch code {
		case codeP2PMessage:
			total += len(body)
		case codeRequestComplete:
			return total, refused(body)
		}
	}
}

// next is a packet: its code and its body.
func (p *libp2pPhone) next() (byte, []byte, error) {
	length, err := binary.ReadUvarint(p.in)
	if err != nil {
		return 0, nil, err
	}
	if length < 3 || length > maxFrame {
		return 0, nil, errors.New("a frame of an impossible size")
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(p.in, frame); err != nil {
		return 0, nil, err
	}
	content, _, err := listContent(frame)
	if err != nil {
		return 0, nil, err
	}
	return content[0], content[1:], nil
}

func (p *libp2pPhone) leave() {
	if p.stream != nil {
		p.stream.Close()
	}
	p.host.Close()
}
