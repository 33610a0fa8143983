package main

import (
	"errors"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/status-im/status-go/whisper/v6"
	"mailserver.test/interop/kit"
)

// whisperMailserver is what whisper v6.2.6 calls; it answers through whisper's own send functions.
type whisperMailserver struct {
	library *whisperLibrary
	server  *kit.Mailserver
	filters []*whisper.Filter
}

func newWhisperMailserver(library *whisperLibrary, o kit.MailserverOptions) (*whisperMailserver, error) {
	m := &whisperMailserver{library: library, server: kit.NewMailserver(o, []string{"sg7", "raw"}, true, library.options.Emit)}
	if o.Password != "" {
		id, err := library.node.AddSymKeyFromPassword(o.Password)
		if err != nil {
			return nil, err
		}
		key, err := library.node.GetSymKey(id)
		if err != nil {
			return nil, err
		}
		m.filters = append(m.filters, &whisper.Filter{KeySym: key})
	}
	if o.OpenAsym {
		m.filters = append(m.filters, &whisper.Filter{KeyAsym: library.options.Key})
	}
	return m, nil
}

// Archive is called for each new envelope that passed the library's checks.
func (m *whisperMailserver) Archive(envelope *whisper.Envelope) {
	raw, err := rlp.EncodeToBytes(envelope)
	if err == nil {
		err = m.server.Store.Put(raw)
	}
	if err != nil {
		log.Error("could not archive", "err", err)
	}
}

// DeliverMail is called with an encrypted request.
func (m *whisperMailserver) DeliverMail(peer []byte, request *whisper.Envelope) {
	opened := kit.OpenedRequest{ID: kit.Hash(request.Hash()), Peer: peer, Pow: request.PoW()}
	for _, filter := range m.filters {
		if message := request.Open(filter); message != nil {
			opened.Opened, opened.Signed, opened.Payload = true, message.Src != nil, message.Payload
			break
		}
	}
	m.server.ServeEnvelope(m.nameOf(peer), opened, whisperOutlet{m.library.node, peer})
}

// Deliver is called with a request that was not encrypted.
func (m *whisperMailserver) Deliver(peer []byte, request whisper.MessagesRequest) {
	m.server.ServePlain(m.nameOf(peer), requestID(request.ID), kit.Request{
		Lower: request.From, Upper: request.To, Limit: request.Limit, Cursor: request.Cursor, Bloom: request.Bloom,
	}, whisperOutlet{m.library.node, peer})
}

// SyncMail would serve other mailservers; nobody asks.
func (m *whisperMailserver) SyncMail([]byte, whisper.SyncMailRequest) error {
	return errors.New("sync is not supported")
}

func (m *whisperMailserver) nameOf(peer []byte) string {
	return m.library.options.NameOf(enode.ID(peer))
}

type whisperOutlet struct {
	node *whisper.Whisper
	peer []byte
}

func (o whisperOutlet) Deliver(raws [][]byte) error {
	values := make([]rlp.RawValue, len(raws))
	for i, raw := range raws {
		values[i] = raw
	}
	return o.node.SendRawP2PDirect(o.peer, values...)
}

func (o whisperOutlet) Complete(id, last kit.Hash, cursor []byte) error {
	payload := whisper.CreateMailServerRequestCompletedPayload(common.Hash(id), common.Hash(last), cursor)
	return o.node.SendHistoricMessageResponse(o.peer, payload)
}

func (o whisperOutlet) Fail(id kit.Hash, reason error) error {
	return o.node.SendHistoricMessageResponse(o.peer, whisper.CreateMailServerRequestFailedPayload(common.Hash(id), reason))
}
