package main

import (
	"context"
	"errors"

	"github.com/libp2p/go-libp2p/core/host"
	libp2ppeer "github.com/libp2p/go-libp2p/core/peer"
)

// asker has what one question after the other is asked with.
type asker struct {
	host host.Host
	to   libp2ppeer.ID
	key  []byte
}

// one asks one question on a stream of its own.
func (a asker) one(ctx context.Context, request historyRequest) (answer, error) {
	sealed, err := request.sealed(a.key, 0.002)
	if err != nil {
		return answer{}, err
	}
	answers, end, err := ask(ctx, a.host, a.to, []envelope{sealed}, manner{})
	if err != nil {
		return answer{}, err
	}
	if len(answers) != 1 {
		return answer{}, errors.New("the question was not answered: " + end)
	}
	return answers[0], nil
}

// ingested fetches what was archived after a sequence cursor, until a page brings nothing; pages are counted.
func (a asker) ingested(ctx context.Context, request historyRequest, after []byte) (all []envelope, cursor []byte, pages int, err error) {
	for cursor = after; ; pages++ {
		request.ingest, request.sequence = true, cursor
		page, err := a.one(ctx, request)
		if err != nil {
			return all, cursor, pages, err
		}
		if page.Error != 0 {
			return all, cursor, pages, &refusedError{code: page.Error, text: page.Text}
		}
		next, err := bytesOf(page.Sequence)
		if err != nil {
			return all, cursor, pages, err
		}
		if err := movesOn(cursor, next, len(page.all)); err != nil {
			return all, cursor, pages, err
		}
		cursor = next
		all = append(all, page.all...)
		if len(page.all) == 0 {
			return all, cursor, pages, nil
		}
	}
}

// refusedError is a completion with an error.
type refusedError struct {
	code uint64
	text string
}

func (e *refusedError) Error() string { return e.text }

// walkOptions are the members of "ingested" and "digest".
type walkOptions struct {
	command
	To       string   `json:"to"`
	Password string   `json:"password"`
	From     uint32   `json:"from"`
	Until    uint32   `json:"until"`
	Topics   []string `json:"topics"`
	Limit    uint32   `json:"limit"`
	Sequence string   `json:"sequence"`
	Parts    uint64   `json:"parts"`
	By       uint64   `json:"by"`
}

func (p *program) asker(o walkOptions) (a asker, request historyRequest, err error) {
	request, err = askOptions{From: o.From, Until: o.Until, Topics: o.Topics, Limit: o.Limit}.request()
	if err != nil {
		return a, request, err
	}
	a.host = p.host
	if a.key, err = keyFromPassword(o.Password); err != nil {
		return a, request, err
	}
	a.to, err = libp2ppeer.Decode(o.To)
	return a, request, err
}

func (p *program) ingested(raw []byte) (string, fields, error) {
	var o walkOptions
	if err := read(raw, &o); err != nil {
		return "", nil, err
	}
	a, request, err := p.asker(o)
	if err != nil {
		return "", nil, err
	}
	after, err := bytesOf(o.Sequence)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all, cursor, pages, err := a.ingested(ctx, request, after)
	var refused *refusedError
	if errors.As(err, &refused) {
		return "walked", fields{"error": refused.code}, nil
	}
	hashes := []string{}
	for _, one := range all {
		hashes = append(hashes, hexOf(one.hash[:]))
	}
	return "walked", fields{"envelopes": hashes, "sequence": hexOf(cursor), "pages": pages, "error": 0}, err
}

// digest asks for a digest, fetches the same, and tells which parts are as the server said.
func (p *program) digest(raw []byte) (string, fields, error) {
	var o walkOptions
	if err := read(raw, &o); err != nil {
		return "", nil, err
	}
	a, request, err := p.asker(o)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	question, err := newDigestQuestion(o.Parts, o.By)
	if err != nil {
		return "", nil, err
	}
	asked := request
	asked.digest = &question
	said, err := a.one(ctx, asked)
	if err != nil {
		return "", nil, err
	}
	if said.Error != 0 || said.Coverage == nil {
		return "", nil, errors.New("there was no digest: " + said.Text)
	}
	all, _, _, err := a.ingested(ctx, request, nil)
	if err != nil {
		return "", nil, err
	}
	agree := 0
	var count uint64
	for _, part := range said.parts {
		count += part.count
		if part.isOf(all, question.salt) {
			agree++
		}
	}
	return "digested", fields{"parts": len(said.parts), "agree": agree, "count": count, "coverage": said.Coverage}, nil
}
