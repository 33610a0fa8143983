// A libp2p peer of its own, written from protocols/ alone: client, poster and mailserver.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"

	"github.com/libp2p/go-libp2p/core/host"
	libp2ppeer "github.com/libp2p/go-libp2p/core/peer"
)

// program is one peer and the commands that drive it.
type program struct {
	host   host.Host
	server *server
}

func main() {
	log.SetOutput(os.Stderr)
	out := &console{out: json.NewEncoder(os.Stdout)}
	p := &program{server: &server{console: out, pageSize: 1000}}
	err := out.serve(os.Stdin, map[string]func([]byte) (string, fields, error){
		"start": p.start, "dial": p.dial, "archive": p.archive, "ask": p.ask, "post": p.post, "push": p.push,
		"ingested": p.ingested, "digest": p.digest,
	})
	if err != nil {
		log.Fatal(err)
	}
}

func (p *program) start(raw []byte) (string, fields, error) {
	var o struct {
		command
		Password string `json:"password"`
		PageSize int    `json:"pageSize"`
		Hasty    bool   `json:"hasty"`
	}
	err := read(raw, &o)
	if err != nil {
		return "", nil, err
	}
	if p.host != nil {
		return "", nil, errors.New("it is started")
	}
	if p.host, err = newHost(); err != nil {
		return "", nil, err
	}
	if o.PageSize > 0 {
		p.server.pageSize = o.PageSize
	}
	p.server.hasty = o.Hasty
	if o.Password != "" {
		if p.server.key, err = keyFromPassword(o.Password); err != nil {
			return "", nil, err
		}
		p.server.serve(p.host)
	}
	return "started", fields{"peer": p.host.ID().String(), "multiaddrs": addressesOf(p.host)}, nil
}

func (p *program) dial(raw []byte) (string, fields, error) {
	var o struct {
		command
		Address string `json:"address"`
	}
	if err := read(raw, &o); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	to, err := dial(ctx, p.host, o.Address)
	return "dialled", fields{"peer": to.String()}, err
}

func (p *program) archive(raw []byte) (string, fields, error) {
	var o struct {
		command
		Envelopes []string `json:"envelopes"`
	}
	if err := read(raw, &o); err != nil {
		return "", nil, err
	}
	all, err := bytesOfAll(o.Envelopes)
	if err != nil {
		return "", nil, err
	}
	for _, one := range all {
		decoded, err := decodeEnvelope(one)
		if err != nil {
			return "", nil, err
		}
		p.server.archive(decoded)
	}
	return "archived", fields{"count": len(all)}, nil
}

// askOptions are the members of "ask".
type askOptions struct {
	command
	To       string   `json:"to"`
	Password string   `json:"password"`
	From     uint32   `json:"from"`
	Until    uint32   `json:"until"`
	Topics   []string `json:"topics"`
	Limit    uint32   `json:"limit"`
	Cursor   string   `json:"cursor"`
	Pow      float64  `json:"pow"`
	// How many requests of this kind, each sealed anew.
	Count int `json:"count"`
	manner
}

func (o askOptions) request() (r historyRequest, err error) {
	r = historyRequest{lower: o.From, upper: o.Until, limit: o.Limit}
	if r.cursor, err = bytesOf(o.Cursor); err != nil {
		return r, err
	}
	topics, err := bytesOfAll(o.Topics)
	if err != nil {
		return r, err
	}
	for _, topic := range topics {
		r.topics = append(r.topics, [4]byte(topic))
	}
	r.bloom = make([]byte, 64)
	for i := range r.bloom {
		r.bloom[i] = 0xff
	}
	return r, nil
}

func (p *program) ask(raw []byte) (string, fields, error) {
	o := askOptions{Count: 1, Pow: 0.002}
	if err := read(raw, &o); err != nil {
		return "", nil, err
	}
	key, err := keyFromPassword(o.Password)
	if err != nil {
		return "", nil, err
	}
	request, err := o.request()
	if err != nil {
		return "", nil, err
	}
	var sealed []envelope
	for range o.Count {
		one, err := request.sealed(key, o.Pow)
		if err != nil {
			return "", nil, err
		}
		sealed = append(sealed, one)
	}
	to, err := libp2ppeer.Decode(o.To)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answers, end, err := ask(ctx, p.host, to, sealed, o.manner)
	return "answered", fields{"answers": answers, "end": end}, err
}

// postOptions are the members of "post" and "push".
type postOptions struct {
	command
	To        string   `json:"to"`
	Envelopes []string `json:"envelopes"`
	manner
}

func (p *program) post(raw []byte) (string, fields, error) {
	o, to, envelopes, err := readPost(raw)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// whoever only posts wants nothing and forwards nothing
	own := status{Bloom: make([]byte, 64), Light: true}
	c, err := post(ctx, p.host, to, own, envelopes, o.manner)
	return "posted", fields{"status": c.Status, "confirmed": c.Confirmed, "refused": c.Refused, "end": c.End}, err
}

func (p *program) push(raw []byte) (string, fields, error) {
	o, to, envelopes, err := readPost(raw)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	end, err := push(ctx, p.host, to, envelopes, o.manner)
	return "pushed", fields{"end": end}, err
}

func readPost(raw []byte) (o postOptions, to libp2ppeer.ID, envelopes [][]byte, err error) {
	if err = read(raw, &o); err != nil {
		return o, to, nil, err
	}
	if envelopes, err = bytesOfAll(o.Envelopes); err != nil {
		return o, to, nil, err
	}
	to, err = libp2ppeer.Decode(o.To)
	return o, to, envelopes, err
}
