package main

import (
	"github.com/ethereum/go-ethereum/p2p/enode"
	"mailserver.test/interop/kit"
)

// feedSize is the room a library's feed has before its producers wait for us.
const feedSize = 1 << 14

// feedEvent is an event of either library's envelope feed.
type feedEvent struct {
	name   string
	topic  [4]byte
	hash   kit.Hash
	batch  kit.Hash
	peer   enode.ID
	answer *answer   // with mailserver.request.completed
	errors []refusal // with a message response; nil with a batch ack
}

type answer struct {
	lastHash kit.Hash
	cursor   []byte
	err      error
}

type refusal struct {
	Hash        string `json:"hash"`
	Code        uint   `json:"code"`
	Description string `json:"description"`
}

// tell turns a feed event into one of ours.
func tell(o kit.LibraryOptions, capability string, e feedEvent) {
	fields := kit.Fields{"capability": capability}
	if e.peer != (enode.ID{}) {
		fields["peer"] = o.NameOf(e.peer)
	}
	switch e.name {
	case "mailserver.request.completed":
		fields["requestId"] = hexOf(e.hash[:])
		if e.answer != nil {
			fields["lastHash"], fields["cursor"] = hexOf(e.answer.lastHash[:]), hexOf(e.answer.cursor)
			if e.answer.err != nil {
				fields["error"] = e.answer.err.Error()
			}
		}
		o.Emit("complete", fields)
	case "batch.acknowleged", "batch.acknowledged":
		fields["batch"], fields["errors"] = hexOf(e.batch[:]), e.errors
		fields["form"] = "batch-ack"
		if e.errors != nil {
			fields["form"] = "message-response"
		}
		o.Emit("ack", fields)
	case "envelope.sent":
		fields["hash"], fields["batch"] = hexOf(e.hash[:]), hexOf(e.batch[:])
		o.Emit("sent", fields)
	default:
		if o.Feed {
			fields["name"], fields["hash"], fields["topic"] = e.name, hexOf(e.hash[:]), hexOf(e.topic[:])
			o.Emit("library", fields)
		}
	}
}
