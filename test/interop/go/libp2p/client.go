package main

import (
	"context"
	"errors"
	"io"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libp2ppeer "github.com/libp2p/go-libp2p/core/peer"
)

// answer is what a mailserver sent for one request.
type answer struct {
	RequestID string   `json:"requestId"`
	Envelopes []string `json:"envelopes"`
	LastHash  string   `json:"lastHash"`
	Cursor    string   `json:"cursor"`
	Error     uint64   `json:"error"`
	Text      string   `json:"text"`
	// In ingest order.
	Sequence string    `json:"sequence"`
	Coverage *coverage `json:"coverage,omitempty"`
	all      []envelope
	parts    []digestPart
}

// ask writes requests on one stream, all before the first answer is read, and reads their answers and the end.
func ask(ctx context.Context, h host.Host, to libp2ppeer.ID, requests []envelope, how manner) ([]answer, string, error) {
	stream, err := openStream(ctx, h, to, mailserverProtocol, how)
	if err != nil {
		return nil, "", err
	}
	var packets []packet
	for _, request := range requests {
		packets = append(packets, packet{code: codeRequest, body: request.raw})
	}
	if err := write(stream, how, packets...); err != nil {
		return nil, "", err
	}
	answers := []answer{}
	in := newPacketReader(stream)
	for range requests {
		one, err := readAnswer(in)
		if err != nil {
			stream.Reset()
			return answers, endOf(err), nil
		}
		answers = append(answers, one)
	}
	return answers, finish(stream, in), nil
}

func readAnswer(in *packetReader) (answer, error) {
	out := answer{Envelopes: []string{}}
	for {
		p, err := in.next()
		if err != nil {
			return out, err
		}
		switch p.code {
		case codeP2PMessage:
			items, err := rlpChildren(p.body)
			if err != nil {
				return out, err
			}
			for _, item := range items {
				one, err := decodeEnvelope(item.raw)
				if err != nil {
					return out, err
				}
				out.Envelopes = append(out.Envelopes, hexOf(one.hash[:]))
				out.all = append(out.all, one)
			}
		case codeRequestComplete:
			c, err := decodeCompletion(p.body)
			out.RequestID, out.LastHash, out.Cursor = hexOf(c.requestID[:]), hexOf(c.lastHash[:]), hexOf(c.cursor)
			out.Error, out.Text = c.errorCode, c.errorText
			out.Sequence, out.Coverage, out.parts = hexOf(c.sequence), c.coverage, c.parts
			return out, err
		}
	}
}

// conversation is what became of a packets stream.
type conversation struct {
	// What the other side announced; nil when it did not.
	Status *status `json:"status"`
	// Batches of ours that were confirmed by both packets, and how many of their envelopes were refused.
	Confirmed int    `json:"confirmed"`
	Refused   int    `json:"refused"`
	End       string `json:"end"`
}

// post sends Status and each envelope in Messages of its own, and reads the confirmations and the end.
func post(ctx context.Context, h host.Host, to libp2ppeer.ID, own status, envelopes [][]byte, how manner) (c conversation, err error) {
	stream, err := openStream(ctx, h, to, packetsProtocol, how)
	if err != nil {
		return c, err
	}
	packets := []packet{{code: codeStatus, body: own.encode()}}
	for _, raw := range envelopes {
		packets = append(packets, messages([][]byte{raw}))
	}
	if err := write(stream, how, packets...); err != nil {
		return c, err
	}
	if how.End == "reset" || how.End == "disconnect" {
		return c, nil
	}
	in := newPacketReader(stream)
	answered := map[string]bool{}
	for c.Confirmed < len(envelopes) || c.Status == nil {
		p, err := in.next()
		if err != nil {
			stream.Reset()
			c.End = endOf(err)
			return c, nil
		}
		if err := c.take(p, answered); err != nil {
			return c, err
		}
	}
	c.End = finish(stream, in)
	return c, nil
}

func (c *conversation) take(p packet, answered map[string]bool) error {
	switch p.code {
	case codeStatus:
		theirs, err := decodeStatus(p.body)
		c.Status = &theirs
		return err
	case codeMessageResponse:
		batch, refused, err := decodeResponse(p.body)
		answered[string(batch)] = true
		c.Refused += refused
		return err
	case codeBatchAck:
		batch, _, err := rlpNext(p.body)
		if err == nil && !answered[string(batch.payload)] {
			err = errors.New("a Batch Ack came without its Message Response")
		}
		c.Confirmed++
		return err
	}
	return nil
}

// push sends expired envelopes to a peer that trusts this one.
func push(ctx context.Context, h host.Host, to libp2ppeer.ID, envelopes [][]byte, how manner) (string, error) {
	stream, err := openStream(ctx, h, to, pushProtocol, how)
	if err != nil {
		return "", err
	}
	if err := write(stream, how, packet{code: codeP2PMessage, body: rlpList(envelopes...)}); err != nil {
		return "", err
	}
	return finish(stream, newPacketReader(stream)), nil
}

// finish closes this side and reads to the end.
func finish(stream network.Stream, in *packetReader) string {
	if err := stream.CloseWrite(); err != nil {
		return endOf(err)
	}
	for {
		if _, err := in.next(); err != nil {
			if !errors.Is(err, io.EOF) {
				stream.Reset()
			}
			stream.Close()
			return endOf(err)
		}
	}
}

// endOf says in a word how a stream ended.
func endOf(err error) string {
	switch {
	case errors.Is(err, io.EOF):
		return "closed"
	case errors.Is(err, network.ErrReset):
		return "reset"
	}
	return err.Error()
}
