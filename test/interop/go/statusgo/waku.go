package main

import (
	"errors"
	"time"

	"github.com/ethereum/go-ethereum/event"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/status-im/status-go/waku"
	"mailserver.test/interop/kit"
)

// wakuLibrary is status-go's waku v1.2.0 behind the kit's interface.
type wakuLibrary struct {
	options kit.LibraryOptions
	node    *waku.Waku
	events  chan waku.EnvelopeEvent
	feed    event.Subscription
	mail    *wakuMailserver
}

func newWaku(options kit.LibraryOptions) (kit.Library, error) {
	node := waku.New(&waku.Config{
		MaxMessageSize:           options.MaxMessageSize,
		MinimumAcceptedPoW:       options.Pow,
		LightClient:              options.Light,
		FullNode:                 !options.Light && options.Bloom == nil,
		RestrictLightClientsConn: true,
		EnableConfirmations:      options.Confirmations,
	}, nil)
	if options.Bloom != nil {
		if err := node.SetBloomFilter(options.Bloom); err != nil {
			return nil, err
		}
	}
	if limits := options.RateLimits; limits != nil {
		node.RegisterRateLimiter(waku.NewPeerRateLimiter(
			&waku.PeerRateLimiterConfig{LimitPerSecIP: limits.IP, LimitPerSecPeerID: limits.Peer},
			&waku.DropPeerRateLimiterHandler{Tolerance: limits.Tolerance},
		))
	}
	library := &wakuLibrary{options: options, node: node, events: make(chan waku.EnvelopeEvent, feedSize)}
	library.feed = node.SubscribeEnvelopeEvents(library.events)
	go library.follow()
	return library, nil
}

// follow reports the library's own events.
func (l *wakuLibrary) follow() {
	for {
		select {
		case <-l.feed.Err():
			return
		case e := <-l.events:
			told := feedEvent{name: string(e.Event), topic: e.Topic, hash: kit.Hash(e.Hash), batch: kit.Hash(e.Batch), peer: e.Peer}
			switch data := e.Data.(type) {
			case *waku.MailServerResponse:
				told.answer = &answer{kit.Hash(data.LastEnvelopeHash), data.Cursor, data.Error}
			case []waku.EnvelopeError:
				told.errors = []refusal{}
				for _, refused := range data {
					told.errors = append(told.errors, refusal{refused.Hash.Hex(), refused.Code, refused.Description})
				}
			}
			tell(l.options, l.Capability(), told)
		}
	}
}

func (l *wakuLibrary) Capability() string {
	return "waku/0"
}

func (l *wakuLibrary) Protocol() p2p.Protocol {
	return l.node.Protocols()[0]
}

func (l *wakuLibrary) Start(server *p2p.Server) error {
	return l.node.Start(server)
}

func (l *wakuLibrary) Stop() error {
	l.feed.Unsubscribe()
	return l.node.Stop()
}

func (l *wakuLibrary) Seal(o kit.SealOptions) ([]byte, error) {
	params := &waku.MessageParams{
		TTL: o.TTL, Src: o.SignWith, Dst: o.To, KeySym: o.SymKey, Topic: o.Topic, Payload: o.Payload, WorkTime: o.WorkTime,
	}
	message, err := waku.NewSentMessage(params)
	if err != nil {
		return nil, err
	}
	wrapped, err := message.Wrap(params, time.Now())
	if err != nil {
		return nil, err
	}
	envelope := &waku.Envelope{Expiry: o.Expiry, TTL: o.TTL, Topic: o.Topic, Data: wrapped.Data}
	params.PoW = o.Pow
	if err := envelope.Seal(params); err != nil {
		return nil, err
	}
	return rlp.EncodeToBytes(envelope)
}

func decodeWaku(raw []byte) (*waku.Envelope, error) {
	envelope := new(waku.Envelope)
	return envelope, rlp.DecodeBytes(raw, envelope)
}

func (l *wakuLibrary) Send(raw []byte) error {
	envelope, err := decodeWaku(raw)
	if err != nil {
		return err
	}
	return l.node.Send(envelope)
}

// wakuMessages hands a filter's messages on as they come.
type wakuMessages func(kit.Message)

func (deliver wakuMessages) Add(m *waku.ReceivedMessage) error {
	p2pMessage := m.P2P
	deliver(kit.Message{
		Hash: kit.Hash(m.EnvelopeHash), Topic: m.Topic, Payload: m.Payload, Sent: m.Sent, TTL: m.TTL, Pow: m.PoW, Signer: m.Src,
		P2P: &p2pMessage,
	})
	return nil
}

func (deliver wakuMessages) Pop() ([]*waku.ReceivedMessage, error) {
	return nil, nil
}

func (l *wakuLibrary) Subscribe(o kit.FilterOptions, deliver func(kit.Message)) (string, error) {
	return l.node.Subscribe(&waku.Filter{
		KeySym: o.SymKey, KeyAsym: o.Key, Topics: topicBytes(o.Topics), AllowP2P: o.AllowP2P, PoW: o.Pow, Messages: wakuMessages(deliver),
	})
}

func (l *wakuLibrary) Unsubscribe(id string) error {
	return l.node.Unsubscribe(id)
}

func (l *wakuLibrary) Trust(peer enode.ID) error {
	return l.node.AllowP2PMessagesFromPeer(peer[:])
}

func (l *wakuLibrary) RequestEnvelope(peer enode.ID, raw []byte) error {
	envelope, err := decodeWaku(raw)
	if err != nil {
		return err
	}
	return l.node.RequestHistoricMessages(peer[:], envelope)
}

func (l *wakuLibrary) PlainForm() string {
	return "plain7"
}

func (l *wakuLibrary) RequestPlain(peer enode.ID, id kit.Hash, r kit.Request) error {
	return l.node.SendMessagesRequest(peer[:], waku.MessagesRequest{
		ID: id[:], From: r.Lower, To: r.Upper, Limit: r.Limit, Cursor: r.Cursor, Bloom: r.Bloom, Topics: topicBytes(r.Topics),
	})
}

func (l *wakuLibrary) SetPow(pow float64) error {
	return l.node.SetMinimumPoW(pow, true)
}

func (l *wakuLibrary) SetBloom(bloom []byte) error {
	return l.node.SetBloomFilter(bloom)
}

func (l *wakuLibrary) Pool() []kit.Hash {
	var hashes []kit.Hash
	for _, envelope := range l.node.Envelopes() {
		hashes = append(hashes, kit.Hash(envelope.Hash()))
	}
	return hashes
}

func (l *wakuLibrary) OpenMailserver(o kit.MailserverOptions) error {
	mail, err := newWakuMailserver(l, o)
	if err != nil {
		return err
	}
	l.mail = mail
	l.node.RegisterMailServer(mail)
	return nil
}

func (l *wakuLibrary) Archive(raw []byte) error {
	if l.mail == nil {
		return errors.New("started without a mailserver")
	}
	return l.mail.server.Store.Put(raw)
}

func (l *wakuLibrary) Archived() int {
	if l.mail == nil {
		return 0
	}
	return l.mail.server.Store.Len()
}
