package main

import (
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p/rlpx"
	"github.com/ethereum/go-ethereum/rlp"
)

const (
	codeP2PMessage      = 0x7f
	codeRequestComplete = 0x7d
	codeRequest         = 0x7e
	// Messages of p2p itself come before those of the first capability.
	offset         = 16
	codeHello      = 0
	codeDisconnect = 1
	codePing       = 2
	codePong       = 3
)

type capability struct {
	Name    string
	Version uint
}

type hello struct {
	Version    uint64
	Name       string
	Caps       []capability
	ListenPort uint64
	ID         []byte
	Rest       []rlp.RawValue `rlp:"tail"`
}

// devp2pPhone is RLPx with one capability, waku/1.
type devp2pPhone struct {
	conn   *rlpx.Conn
	status []byte
	open   bool
}

func devp2pPhones(o options) (makePhone, error) {
	at, err := url.Parse(o.Target)
	if err != nil {
		return nil, err
	}
	id, err := hex.DecodeString(at.User.Username())
	if err != nil {
		return nil, err
	}
	server, err := crypto.UnmarshalPubkey(append([]byte{4}, id...))
	if err != nil {
		return nil, err
	}
	status, err := hex.DecodeString(o.Status)
	if err != nil {
		return nil, err
	}
	return func(number int) (func() (phone, error), error) {
		key, err := crypto.GenerateKey()
		if err != nil {
			return nil, err
		}
		own := dialer(o, number)
		return func() (phone, error) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			socket, err := own.DialContext(ctx, "tcp", at.Host)
			if err != nil {
				return nil, err
			}
			conn, err := greet(socket, key, server)
			if err != nil {
				socket.Close()
				return nil, err
			}
			return &devp2pPhone{conn: conn, status: status}, nil
		}, nil
	}, nil
}

// greet runs the handshake and exchanges Hello.
func greet(socket net.Conn, key *ecdsa.PrivateKey, server *ecdsa.PublicKey) (*rlpx.Conn, error) {
	socket.SetDeadline(time.Now().Add(patience))
	conn := rlpx.NewConn(socket, server)
	if _, err := conn.Handshake(key); err != nil {
		if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %w", errRefused, err)
		}
		return nil, err
	}
	own := hello{
		Version: 5, Name: "storm", Caps: []capability{{"waku", 1}}, ID: crypto.FromECDSAPub(&key.PublicKey)[1:],
	}
	body, err := rlp.EncodeToBytes(&own)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(codeHello, body); err != nil {
		return nil, err
	}
	code, body, _, err := conn.Read()
	if err != nil {
		return nil, err
	}
	if code != codeHello {
		return nil, fmt.Errorf("message %d with %x came instead of Hello", code, body)
	}
	var theirs hello
	if err := rlp.DecodeBytes(body, &theirs); err != nil {
		return nil, err
	}
	conn.SetSnappy(theirs.Version >= 5)
	return conn, nil
}

func (p *devp2pPhone) ask(request []byte) (int, error) {
	p.conn.SetDeadline(time.Now().Add(patience))
	if !p.open {
		p.open = true
		if _, err := p.conn.Write(offset, p.status); err != nil {
			return 0, err
		}
	}
	if _, err := p.conn.Write(offset+codeRequest, request); err != nil {
		return 0, err
	}
	total := 0
	for {
		code, body, _, err := p.conn.Read()
		if err != nil {
			return total, err
		}
		switch code {
		case codePing:
			if _, err := p.conn.Write(codePong, []byte{0xc0}); err != nil {
				return total, err
			}
		case codeDisconnect:
			return total, fmt.Errorf("disconnected: %x", body)
		case offset + codeP2PMessage:
			total += len(body)
		case offset + codeRequestComplete:
			return total, refused(body)
		}
	}
}

func (p *devp2pPhone) leave() {
	p.conn.Close()
}

// refused is the error that a completion carries in its fourth item.
func refused(completion []byte) error {
	content, _, err := listContent(completion)
	if err != nil {
		return err
	}
	if count, err := rlp.CountValues(content); err != nil || count > 3 {
		return errors.Join(err, fmt.Errorf("the request was refused: %x", completion))
	}
	return nil
}

func listContent(bytes []byte) (content, rest []byte, err error) {
	content, rest, err = rlp.SplitList(bytes)
	if err == nil && len(content) < 2 {
		err = errors.New("a list of too few items")
	}
	return content, rest, err
}
