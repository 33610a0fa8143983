package main

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/status-im/status-go/waku"
	"mailserver.test/interop/kit"
)

// wakuMailserver is what waku v1.2.0 calls; it answers through waku's own send functions.
type wakuMailserver struct {
	library *wakuLibrary
	server  *kit.Mailserver
	filters []*waku.Filter
}

func newWakuMailserver(library *wakuLibrary, o kit.MailserverOptions) (*wakuMailserver, error) {
	m := &wakuMailserver{library: library, server: kit.NewMailserver(o, []string{"sg7"}, false, library.options.Emit)}
	if o.Password != "" {
		id, err := library.node.AddSymKeyFromPassword(o.Password)
		if err != nil {
			return nil, err
		}
		key, err := library.node.GetSymKey(id)
		if err != nil {
			return nil, err
		}
		m.filters = append(m.filters, &waku.Filter{KeySym: key})
	}
	if o.OpenAsym {
		m.filters = append(m.filters, &waku.Filter{KeyAsym: library.options.Key})
	}
	return m, nil
}

// Archive is called for each new envelope that passed the library's checks.
func (m *wakuMailserver) Archive(envelope *waku.Envelope) {
	raw, err := rlp.EncodeToBytes(envelope)
	if err == nil {
		err = m.server.Store.Put(raw)
	}
	if err != nil {
		log.Error("could not archive", "err", err)
	}
}

// DeliverMail is called with an encrypted request.
func (m *wakuMailserver) DeliverMail(peer []byte, request *waku.Envelope) {
	opened := kit.OpenedRequest{ID: kit.Hash(request.Hash()), Peer: peer, Pow: request.PoW()}
	for _, filter := range m.filters {
		if message := request.Open(filter); message != nil {
			opened.Opened, opened.Signed, opened.Payload = true, message.Src != nil, message.Payload
			break
		}
	}
	m.server.ServeEnvelope(m.nameOf(peer), opened, wakuOutlet{m.library.node, peer})
}

// Deliver is called with a request that was not encrypted.
func (m *wakuMailserver) Deliver(peer []byte, request waku.MessagesRequest) {
	m.server.ServePlain(m.nameOf(peer), requestID(request.ID), kit.Request{
		Lower: request.From, Upper: request.To, Limit: request.Limit, Cursor: request.Cursor, Bloom: request.Bloom,
		Topics: topicArrays(request.Topics),
	}, wakuOutlet{m.library.node, peer})
}

func (m *wakuMailserver) nameOf(peer []byte) string {
	return m.library.options.NameOf(enode.ID(peer))
}

type wakuOutlet struct {
	node *waku.Waku
	peer []byte
}

func (o wakuOutlet) Deliver(raws [][]byte) error {
	values := make([]rlp.RawValue, len(raws))
	for i, raw := range raws {
		values[i] = raw
	}
	return o.node.SendRawP2PDirect(o.peer, values...)
}

func (o wakuOutlet) Complete(id, last kit.Hash, cursor []byte) error {
	payload := waku.CreateMailServerRequestCompletedPayload(common.Hash(id), common.Hash(last), cursor)
	return o.node.SendHistoricMessageResponse(o.peer, payload)
}

func (o wakuOutlet) Fail(id kit.Hash, reason error) error {
	return o.node.SendHistoricMessageResponse(o.peer, waku.CreateMailServerRequestFailedPayload(common.Hash(id), reason))
}
