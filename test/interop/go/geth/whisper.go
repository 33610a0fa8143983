package main

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/whisper/mailserver"
	"github.com/ethereum/go-ethereum/whisper/whisperv6"
	"mailserver.test/interop/kit"
)

// pollInterval is how often filters are emptied: this library has no way to be told of a message.
const pollInterval = 20 * time.Millisecond

// whisper is go-ethereum's whisper v6 behind the kit's interface.
type whisper struct {
	options kit.LibraryOptions
	shh     *whisperv6.Whisper
	mail    *archive
	tempDir string

	mu    sync.Mutex
	stops map[string]chan struct{}
}

// archive counts what go-ethereum's mailserver stores.
type archive struct {
	mailserver.WMailServer
	stored atomic.Int64
}

func (a *archive) Archive(envelope *whisperv6.Envelope) {
	a.WMailServer.Archive(envelope)
	a.stored.Add(1)
}

func newWhisper(options kit.LibraryOptions) (kit.Library, error) {
	shh := whisperv6.New(&whisperv6.Config{
		MaxMessageSize: options.MaxMessageSize, MinimumAcceptedPOW: options.Pow, RestrictConnectionBetweenLightClients: true,
	})
	shh.SetLightClientMode(options.Light)
	if options.Bloom != nil {
		if err := shh.SetBloomFilter(options.Bloom); err != nil {
			return nil, err
		}
	}
	return &whisper{options: options, shh: shh, stops: make(map[string]chan struct{})}, nil
}

func (w *whisper) Capability() string {
	return "shh/6"
}

func (w *whisper) Protocol() p2p.Protocol {
	return w.shh.Protocols()[0]
}

func (w *whisper) Start(server *p2p.Server) error {
	return w.shh.Start(server)
}

// Stop does not wait for the library, which keeps a changed bloom or PoW in mind for ten seconds and would have us wait for that.
func (w *whisper) Stop() error {
	go w.shh.Stop()
	if w.mail != nil {
		w.mail.Close()
	}
	if w.tempDir != "" {
		return os.RemoveAll(w.tempDir)
	}
	return nil
}

func (w *whisper) Seal(o kit.SealOptions) ([]byte, error) {
	params := &whisperv6.MessageParams{
		TTL: o.TTL, Src: o.SignWith, Dst: o.To, KeySym: o.SymKey, Topic: o.Topic, Payload: o.Payload, WorkTime: o.WorkTime,
	}
	message, err := whisperv6.NewSentMessage(params)
	if err != nil {
		return nil, err
	}
	wrapped, err := message.Wrap(params)
	if err != nil {
		return nil, err
	}
	envelope := &whisperv6.Envelope{Expiry: o.Expiry, TTL: o.TTL, Topic: o.Topic, Data: wrapped.Data}
	params.PoW = o.Pow
	if err := envelope.Seal(params); err != nil {
		return nil, err
	}
	return rlp.EncodeToBytes(envelope)
}

func decode(raw []byte) (*whisperv6.Envelope, error) {
	envelope := new(whisperv6.Envelope)
	return envelope, rlp.DecodeBytes(raw, envelope)
}

func (w *whisper) Send(raw []byte) error {
	envelope, err := decode(raw)
	if err != nil {
		return err
	}
	return w.shh.Send(envelope)
}

func (w *whisper) Subscribe(o kit.FilterOptions, deliver func(kit.Message)) (string, error) {
	filter := &whisperv6.Filter{KeySym: o.SymKey, KeyAsym: o.Key, AllowP2P: o.AllowP2P, PoW: o.Pow}
	for _, topic := range o.Topics {
		filter.Topics = append(filter.Topics, topic[:])
	}
	id, err := w.shh.Subscribe(filter)
	if err != nil {
		return "", err
	}
	stop := make(chan struct{})
	w.mu.Lock()
	w.stops[id] = stop
	w.mu.Unlock()
	go poll(filter, stop, deliver)
	return id, nil
}

func poll(filter *whisperv6.Filter, stop chan struct{}, deliver func(kit.Message)) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			for _, m := range filter.Retrieve() {
				deliver(kit.Message{
					Hash: kit.Hash(m.EnvelopeHash), Topic: m.Topic, Payload: m.Payload, Sent: m.Sent, TTL: m.TTL, Pow: m.PoW, Signer: m.Src,
				})
			}
		}
	}
}

func (w *whisper) Unsubscribe(id string) error {
	w.mu.Lock()
	if stop := w.stops[id]; stop != nil {
		close(stop)
		delete(w.stops, id)
	}
	w.mu.Unlock()
	return w.shh.Unsubscribe(id)
}

func (w *whisper) Trust(peer enode.ID) error {
	return w.shh.AllowP2PMessagesFromPeer(peer[:])
}

func (w *whisper) RequestEnvelope(peer enode.ID, raw []byte) error {
	envelope, err := decode(raw)
	if err != nil {
		return err
	}
	return w.shh.RequestHistoricMessages(peer[:], envelope)
}

func (w *whisper) PlainForm() string {
	return ""
}

func (w *whisper) RequestPlain(enode.ID, kit.Hash, kit.Request) error {
	return fmt.Errorf("go-ethereum has no plain requests")
}

func (w *whisper) SetPow(pow float64) error {
	return w.shh.SetMinimumPoW(pow)
}

func (w *whisper) SetBloom(bloom []byte) error {
	return w.shh.SetBloomFilter(bloom)
}

func (w *whisper) Pool() []kit.Hash {
	var hashes []kit.Hash
	for _, envelope := range w.shh.Envelopes() {
		hashes = append(hashes, kit.Hash(envelope.Hash()))
	}
	return hashes
}

// OpenMailserver starts go-ethereum's mailserver; only dir, password and pow mean something to it.
func (w *whisper) OpenMailserver(o kit.MailserverOptions) (err error) {
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "interop-geth-"); err != nil {
			return err
		}
		w.tempDir = o.Dir
	}
	w.mail = &archive{}
	if err := w.mail.Init(w.shh, o.Dir, o.Password, o.Pow); err != nil {
		return err
	}
	w.shh.RegisterServer(w.mail)
	return nil
}

func (w *whisper) Archive(raw []byte) error {
	if w.mail == nil {
		return fmt.Errorf("started without a mailserver")
	}
	envelope, err := decode(raw)
	if err != nil {
		return err
	}
	w.mail.Archive(envelope)
	return nil
}

func (w *whisper) Archived() int {
	if w.mail == nil {
		return 0
	}
	return int(w.mail.stored.Load())
}
