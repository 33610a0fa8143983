package kit

import (
	"errors"
	"sync"
	"time"
)

// counter counts what a history request brings, in place of the library or beside it.
type counter struct {
	passOn   bool
	expect   int
	mu       sync.Mutex
	count    int
	bytes    int
	seen     map[Hash]struct{}
	last     time.Time
	reached  chan struct{}
	finished chan completion
}

type completion struct {
	id     Hash
	cursor []byte
	err    error
}

func newCounter(passOn, verify bool, expect int) *counter {
	c := &counter{passOn: passOn, expect: expect, last: time.Now(), reached: make(chan struct{}), finished: make(chan completion, 16)}
	if verify {
		c.seen = make(map[Hash]struct{})
	}
	return c
}

func (c *counter) envelopes(body []byte) bool {
	items, _, err := splitEnvelopes(body)
	if err != nil {
		return true // the library shall judge it
	}
	c.mu.Lock()
	before := c.count
	c.count += len(items)
	c.bytes += len(body)
	c.last = time.Now()
	if c.seen != nil {
		for _, item := range items {
			c.seen[HashOf(item.raw)] = struct{}{}
		}
	}
	if c.expect > 0 && before < c.expect && c.count >= c.expect {
		close(c.reached)
	}
	c.mu.Unlock()
	return c.passOn
}

func (c *counter) complete(body []byte) {
	done, err := parseCompletion(body)
	if err != nil {
		done.err = err
	}
	select {
	case c.finished <- done:
	default:
	}
}

// parseCompletion reads the string form, or the list form of the specification.
func parseCompletion(body []byte) (done completion, err error) {
	item, rest, err := rlpSplit(body)
	if err != nil || len(rest) > 0 {
		return done, errRLP
	}
	if item.list {
		items, err := rlpItems(item.payload)
		if err != nil || len(items) < 2 || len(items[0].payload) != 32 {
			return done, errRLP
		}
		copy(done.id[:], items[0].payload)
		if len(items) > 2 && !items[2].list {
			done.cursor = items[2].payload
		}
		return done, nil
	}
	text := item.payload
	if len(text) >= 38 && string(text[:6]) == "ERROR=" {
		copy(done.id[:], text[6:38])
		done.err = errors.New(string(text[38:]))
		return done, nil
	}
	if len(text) < 32 {
		return done, errRLP
	}
	copy(done.id[:], text)
	if len(text) == 100 {
		done.cursor = text[64:]
	}
	return done, nil
}

// totals is a consistent view.
func (c *counter) totals() (count, bytes, distinct int, last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.bytes, len(c.seen), c.last
}
