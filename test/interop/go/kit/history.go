package kit

import (
	"errors"
	"fmt"
	"time"
)

// historyOptions are those that request and count share.
type historyOptions struct {
	peerOptions
	keyOptions
	Form      string   `json:"form"`
	From      uint32   `json:"from"`
	Until     uint32   `json:"to"`
	Topics    []string `json:"topics"`
	Bloom     string   `json:"bloom"`
	Limit     uint32   `json:"limit"`
	Cursor    string   `json:"cursor"`
	Batch     *bool    `json:"batch"`
	Sign      *bool    `json:"sign"`
	Pow       *float64 `json:"pow"`
	TTL       uint32   `json:"ttl"`
	Nim       bool     `json:"nim"`
	RequestID string   `json:"requestId"`
	Unchecked bool     `json:"unchecked"`
}

func (o historyOptions) request() (r Request, err error) {
	r = Request{Lower: o.From, Upper: o.Until, Topics: parseTopics(o.Topics), Limit: o.Limit, Batch: o.Batch == nil || *o.Batch}
	switch {
	case o.Bloom == "none" || o.Bloom == "" && len(o.Topics) == 0:
	case o.Bloom == "":
		r.Bloom = bloomOf(r.Topics)
	case o.Bloom == "full":
		r.Bloom = fullBloom()
	default:
		if r.Bloom, err = parseHex(o.Bloom); err != nil {
			return r, err
		}
	}
	r.Cursor, err = parseHex(o.Cursor)
	return r, err
}

// ask sends one request and returns its id.
func (n *Node) ask(c *conversation, o historyOptions, r Request) (id Hash, err error) {
	if isPlain(o.Form) {
		return n.askPlain(c, o, r)
	}
	payload, err := r.encodeInner(o.Form)
	if err != nil {
		return id, err
	}
	keys := o.keyOptions
	if keys.Private {
		keys = keyOptions{To: c.key} // sealed to the server's node key
	}
	seal, err := n.sealing(keys, o.Sign == nil || *o.Sign)
	if err != nil {
		return id, err
	}
	seal.Payload, seal.WorkTime, seal.TTL, seal.Pow = payload, 30, 50, defaultPow
	if o.TTL != 0 {
		seal.TTL = o.TTL
	}
	if o.Pow != nil {
		seal.Pow = *o.Pow
	}
	seal.Expiry = uint32(time.Now().Unix()) + seal.TTL
	if o.Nim {
		seal.TTL, seal.Expiry, seal.Pow = 0, 0, 0
	}
	raw, err := c.library.Seal(seal)
	if err != nil {
		return id, err
	}
	return HashOf(raw), c.library.RequestEnvelope(c.peer.ID(), raw)
}

func (n *Node) askPlain(c *conversation, o historyOptions, r Request) (id Hash, err error) {
	if o.RequestID == "" {
		id, err = randomID()
	} else {
		var b []byte
		if b, err = parseHex(o.RequestID); err == nil && len(b) != len(id) {
			err = errors.New("a request id has 32 bytes")
		}
		copy(id[:], b)
	}
	if err != nil {
		return id, err
	}
	if !o.Unchecked {
		if o.Form != c.library.PlainForm() {
			return id, fmt.Errorf("this library does not send %s; set unchecked to send it past the library", o.Form)
		}
		return id, c.library.RequestPlain(c.peer.ID(), id, r)
	}
	if err := c.library.Trust(c.peer.ID()); err != nil {
		return id, err
	}
	return id, c.write(codeRequest, r.encodePlain(o.Form, id))
}

func (n *Node) onRequest(call *Call) error {
	var o historyOptions
	if err := call.Read(&o); err != nil {
		return err
	}
	c, r, err := n.prepare(o)
	if err != nil {
		return err
	}
	id, err := n.ask(c, o, r)
	if err != nil {
		return err
	}
	call.Reply("request-sent", Fields{"peer": c.key, "requestId": hexOf(id[:])})
	return nil
}

func (n *Node) prepare(o historyOptions) (*conversation, Request, error) {
	c, err := n.conversation(o.name(), o.Capability)
	if err != nil {
		return nil, Request{}, err
	}
	r, err := o.request()
	return c, r, err
}

const (
	defaultIdle    = 3 * time.Second
	defaultTimeout = 10 * time.Minute
)

type countOptions struct {
	historyOptions
	Expect  int     `json:"expect"`  // stop when this many arrived; for servers that send no completion
	Idle    float64 `json:"idle"`    // seconds without an envelope that end a history without completion, default 3
	Timeout float64 `json:"timeout"` // seconds in all, default 600
	Pages   int     `json:"pages"`   // at most this many, 0 for all
	PassOn  bool    `json:"passOn"`  // the library processes the envelopes too
	Verify  bool    `json:"verify"`  // hash each envelope and count distinct ones
}

// onCount runs beside further commands and replies when the history is through.
func (n *Node) onCount(call *Call) error {
	var o countOptions
	if err := call.Read(&o); err != nil {
		return err
	}
	c, r, err := n.prepare(o.historyOptions)
	if err != nil {
		return err
	}
	counter := newCounter(o.PassOn, o.Verify, o.Expect)
	if !c.counter.CompareAndSwap(nil, counter) {
		return errors.New("already counting")
	}
	go func() {
		started := time.Now()
		pages, err := n.count(c, o, r, counter)
		c.counter.Store(nil)
		count, size, distinct, last := counter.totals()
		ended := last
		if pages > 0 {
			ended = time.Now()
		}
		fields := Fields{"peer": c.key, "envelopes": count, "bytes": size, "pages": pages, "ms": milliseconds(ended.Sub(started))}
		if o.Verify {
			fields["distinct"] = distinct
		}
		if err != nil {
			fields["error"] = err.Error()
		}
		call.Reply("counted", fields)
	}()
	return nil
}

// count asks for page after page; it returns the number of completions.
func (n *Node) count(c *conversation, o countOptions, r Request, counter *counter) (pages int, err error) {
	deadline := time.After(seconds(o.Timeout, defaultTimeout))
	idle := seconds(o.Idle, defaultIdle)
	watch := time.NewTicker(50 * time.Millisecond)
	defer watch.Stop()
	pagesEnd := hasCompletion(o.Form)
	for {
		id, err := n.ask(c, o.historyOptions, r)
		if err != nil {
			return pages, err
		}
		var done completion
		for done.id != id {
			select {
			case done = <-counter.finished:
				if done.err != nil {
					return pages, done.err
				}
			case <-counter.reached:
				if !pagesEnd {
					return pages, nil
				}
				counter.reached = nil
			case <-watch.C:
				if _, _, _, last := counter.totals(); !pagesEnd && time.Since(last) > idle {
					return pages, nil
				}
			case <-deadline:
				return pages, errors.New("timed out")
			}
		}
		pages++
		if r.Cursor = done.cursor; len(r.Cursor) == 0 || o.Pages > 0 && pages == o.Pages {
			return pages, nil
		}
	}
}

// hasCompletion tells whether a server ends the answer to such a request with a completion. go-ethereum never sends one.
func hasCompletion(form string) bool {
	return form != "raw8" && form != "raw12" && form != "raw72"
}

func seconds(s float64, fallback time.Duration) time.Duration {
	if s == 0 {
		return fallback
	}
	return time.Duration(s * float64(time.Second))
}
