package main

import (
	"bytes"
	"sort"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
)

// server is a mailserver in memory that also takes part in live conversations.
type server struct {
	mu        sync.Mutex
	envelopes []envelope
	key       []byte
	pageSize  int
	// Close the stream behind each answer, in one piece with it.
	hasty   bool
	console *console
}

func (s *server) serve(h host.Host) {
	h.SetStreamHandler(mailserverProtocol, s.answerStream)
	h.SetStreamHandler(packetsProtocol, s.talk)
}

// archive keeps envelopes in the order in which pages bring them: by sent, then by hash.
func (s *server) archive(envelopes ...envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.envelopes = append(s.envelopes, envelopes...)
	sort.Slice(s.envelopes, func(i, j int) bool {
		return bytes.Compare(s.envelopes[i].cursor(), s.envelopes[j].cursor()) < 0
	})
}

// answerStream answers the requests of one stream in turn, until the client closes its side.
func (s *server) answerStream(stream network.Stream) {
	in := newPacketReader(stream)
	for {
		p, err := in.next()
		if err != nil {
			stream.Close()
			return
		}
		if p.code != codeRequest {
			continue
		}
		request, err := decodeEnvelope(p.body)
		if err != nil {
			stream.Reset()
			return
		}
		if err := write(stream, manner{HalfClose: s.hasty}, s.answer(request)...); err != nil {
			stream.Reset()
			return
		}
	}
}

func (s *server) answer(request envelope) []packet {
	payload, err := open(request.data, s.key)
	if err != nil {
		return s.refuse(request, 2, "no key of ours opens the request")
	}
	asked, err := decodeRequest(payload)
	if err != nil {
		return s.refuse(request, 1, err.Error())
	}
	page, more := s.page(asked)
	c := completion{requestID: request.hash}
	var packets []packet
	var hashes []string
	for _, one := range page {
		packets = append(packets, packet{code: codeP2PMessage, body: rlpList(one.raw)})
		hashes = append(hashes, hexOf(one.hash[:]))
		c.lastHash = one.hash
		if more {
			c.cursor = one.cursor()
		}
	}
	s.console.emit("request-served", fields{"envelopes": hashes, "more": more})
	return append(packets, packet{code: codeRequestComplete, body: c.encode()})
}

func (s *server) refuse(request envelope, code uint64, text string) []packet {
	c := completion{requestID: request.hash, errorCode: code, errorText: text}
	return []packet{{code: codeRequestComplete, body: c.encode()}}
}

// page is what is asked for behind the cursor, and whether there is more.
func (s *server) page(asked historyRequest) (page []envelope, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.pageSize
	if asked.limit != 0 {
		limit = min(limit, int(asked.limit))
	}
	for _, one := range s.envelopes {
		if !asked.wants(one) || bytes.Compare(one.cursor(), asked.cursor) <= 0 {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, one)
	}
	return page, false
}

// talk is a live conversation: everything is taken and confirmed.
func (s *server) talk(stream network.Stream) {
	defer stream.Close()
	if err := write(stream, manner{}, packet{code: codeStatus, body: status{Confirmations: true}.encode()}); err != nil {
		return
	}
	stream.SetDeadline(time.Time{})
	in := newPacketReader(stream)
	for {
		p, err := in.next()
		if err != nil {
			return
		}
		if p.code != codeMessages {
			continue
		}
		items, err := rlpChildren(p.body)
		if err != nil {
			stream.Reset()
			return
		}
		for _, item := range items {
			if one, err := decodeEnvelope(item.raw); err == nil {
				s.archive(one)
				s.console.emit("message", fields{"hash": hexOf(one.hash[:])})
			}
		}
		if err := write(stream, manner{}, confirmations(p.body)...); err != nil {
			return
		}
		stream.SetDeadline(time.Time{})
	}
}
