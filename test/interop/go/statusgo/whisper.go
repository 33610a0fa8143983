package main

import (
	"errors"
	"time"

	"github.com/ethereum/go-ethereum/event"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/status-im/status-go/whisper/v6"
	"mailserver.test/interop/kit"
)

// whisperLibrary is status-go's whisper v6.2.6 behind the kit's interface.
type whisperLibrary struct {
	options kit.LibraryOptions
	node    *whisper.Whisper
	events  chan whisper.EnvelopeEvent
	feed    event.Subscription
	mail    *whisperMailserver
}

func newWhisper(options kit.LibraryOptions) (kit.Library, error) {
	node := whisper.New(&whisper.Config{
		MaxMessageSize:                        options.MaxMessageSize,
		MinimumAcceptedPOW:                    options.Pow,
		RestrictConnectionBetweenLightClients: true,
		DisableConfirmations:                  !options.Confirmations,
	})
	node.SetLightClientMode(options.Light)
	if options.Bloom != nil {
		if err := node.SetBloomFilter(options.Bloom); err != nil {
			return nil, err
		}
	}
	if limits := options.RateLimits; limits != nil {
		node.SetRateLimiter(whisper.NewPeerRateLimiter(
			&whisper.PeerRateLimiterConfig{LimitPerSecIP: limits.IP, LimitPerSecPeerID: limits.Peer},
			&whisper.DropPeerRateLimiterHandler{Tolerance: limits.Tolerance},
		))
	}
	library := &whisperLibrary{options: options, node: node, events: make(chan whisper.EnvelopeEvent, feedSize)}
	library.feed = node.SubscribeEnvelopeEvents(library.events)
	go library.follow()
	return library, nil
}

// follow reports the library's own events.
func (l *whisperLibrary) follow() {
	for {
		select {
		case <-l.feed.Err():
			return
		case e := <-l.events:
			told := feedEvent{name: string(e.Event), topic: e.Topic, hash: kit.Hash(e.Hash), batch: kit.Hash(e.Batch), peer: e.Peer}
			switch data := e.Data.(type) {
			case *whisper.MailServerResponse:
				told.answer = &answer{kit.Hash(data.LastEnvelopeHash), data.Cursor, data.Error}
			case []whisper.EnvelopeError:
				told.errors = []refusal{}
				for _, refused := range data {
					told.errors = append(told.errors, refusal{refused.Hash.Hex(), refused.Code, refused.Description})
				}
			}
			tell(l.options, l.Capability(), told)
		}
	}
}

func (l *whisperLibrary) Capability() string {
	return "shh/6"
}

func (l *whisperLibrary) Protocol() p2p.Protocol {
	return l.node.Protocols()[0]
}

func (l *whisperLibrary) Start(server *p2p.Server) error {
	return l.node.Start(server)
}

func (l *whisperLibrary) Stop() error {
	l.feed.Unsubscribe()
	return l.node.Stop()
}

func (l *whisperLibrary) Seal(o kit.SealOptions) ([]byte, error) {
	params := &whisper.MessageParams{
		TTL: o.TTL, Src: o.SignWith, Dst: o.To, KeySym: o.SymKey, Topic: o.Topic, Payload: o.Payload, WorkTime: o.WorkTime,
	}
	message, err := whisper.NewSentMessage(params)
	if err != nil {
		return nil, err
	}
	wrapped, err := message.Wrap(params, time.Now())
	if err != nil {
		return nil, err
	}
	envelope := &whisper.Envelope{Expiry: o.Expiry, TTL: o.TTL, Topic: o.Topic, Data: wrapped.Data}
	params.PoW = o.Pow
	if err := envelope.Seal(params); err != nil {
		return nil, err
	}
	return rlp.EncodeToBytes(envelope)
}

func decodeWhisper(raw []byte) (*whisper.Envelope, error) {
	envelope := new(whisper.Envelope)
	return envelope, rlp.DecodeBytes(raw, envelope)
}

func (l *whisperLibrary) Send(raw []byte) error {
	envelope, err := decodeWhisper(raw)
	if err != nil {
		return err
	}
	return l.node.Send(envelope)
}

// whisperMessages hands a filter's messages on as they come.
type whisperMessages func(kit.Message)

func (deliver whisperMessages) Add(m *whisper.ReceivedMessage) error {
	p2pMessage := m.P2P
	deliver(kit.Message{
		Hash: kit.Hash(m.EnvelopeHash), Topic: m.Topic, Payload: m.Payload, Sent: m.Sent, TTL: m.TTL, Pow: m.PoW, Signer: m.Src,
		P2P: &p2pMessage,
	})
	return nil
}

func (deliver whisperMessages) Pop() ([]*whisper.ReceivedMessage, error) {
	return nil, nil
}

func (l *whisperLibrary) Subscribe(o kit.FilterOptions, deliver func(kit.Message)) (string, error) {
	return l.node.Subscribe(&whisper.Filter{
		KeySym: o.SymKey, KeyAsym: o.Key, Topics: topicBytes(o.Topics), AllowP2P: o.AllowP2P, PoW: o.Pow, Messages: whisperMessages(deliver),
	})
}

func (l *whisperLibrary) Unsubscribe(id string) error {
	return l.node.Unsubscribe(id)
}

func (l *whisperLibrary) Trust(peer enode.ID) error {
	return l.node.AllowP2PMessagesFromPeer(peer[:])
}

func (l *whisperLibrary) RequestEnvelope(peer enode.ID, raw []byte) error {
	envelope, err := decodeWhisper(raw)
	if err != nil {
		return err
	}
	return l.node.RequestHistoricMessages(peer[:], envelope)
}

func (l *whisperLibrary) PlainForm() string {
	return "plain6"
}

func (l *whisperLibrary) RequestPlain(peer enode.ID, id kit.Hash, r kit.Request) error {
	return l.node.SendMessagesRequest(peer[:], whisper.MessagesRequest{
		ID: id[:], From: r.Lower, To: r.Upper, Limit: r.Limit, Cursor: r.Cursor, Bloom: r.Bloom,
	})
}

func (l *whisperLibrary) SetPow(pow float64) error {
	return l.node.SetMinimumPoW(pow)
}

func (l *whisperLibrary) SetBloom(bloom []byte) error {
	return l.node.SetBloomFilter(bloom)
}

func (l *whisperLibrary) Pool() []kit.Hash {
	var hashes []kit.Hash
	for _, envelope := range l.node.Envelopes() {
		hashes = append(hashes, kit.Hash(envelope.Hash()))
	}
	return hashes
}

func (l *whisperLibrary) OpenMailserver(o kit.MailserverOptions) error {
	mail, err := newWhisperMailserver(l, o)
	if err != nil {
		return err
	}
	l.mail = mail
	l.node.RegisterMailServer(mail)
	return nil
}

func (l *whisperLibrary) Archive(raw []byte) error {
	if l.mail == nil {
		return errors.New("started without a mailserver")
	}
	return l.mail.server.Store.Put(raw)
}

func (l *whisperLibrary) Archived() int {
	if l.mail == nil {
		return 0
	}
	return l.mail.server.Store.Len()
}
