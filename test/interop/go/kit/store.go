package kit

import (
	"bytes"
	"math"
	"sort"
	"sync"
)

// Store is an archive in memory, ordered by sent time and hash.
type Store struct {
	mu     sync.Mutex
	known  map[[36]byte]struct{}
	rows   []row
	sorted bool
}

type row struct {
	key   [36]byte
	topic [4]byte
	raw   []byte
}

// NewStore makes an empty archive.
func NewStore() *Store {
	return &Store{known: make(map[[36]byte]struct{})}
}

// Put keeps an encoded envelope; a known one is left alone.
func (s *Store) Put(raw []byte) error {
	h, err := readHeader(raw)
	if err != nil {
		return err
	}
	key := cursorOf(h.sent, HashOf(raw))
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[key]; ok {
		return nil
	}
	s.known[key] = struct{}{}
	s.sorted = s.sorted && (len(s.rows) == 0 || bytes.Compare(s.rows[len(s.rows)-1].key[:], key[:]) < 0)
	s.rows = append(s.rows, row{key, h.topic, raw})
	return nil
}

// Len counts the stored envelopes.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

// query walks the range in either direction, past the cursor, until limit rows matched. A limit of 0 means no limit.
func (s *Store) query(r Request, descending bool) []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sorted {
		sort.Slice(s.rows, func(i, j int) bool { return bytes.Compare(s.rows[i].key[:], s.rows[j].key[:]) < 0 })
		s.sorted = true
	}
	first := s.seek(cursorOf(r.Lower, Hash{}))
	last := len(s.rows)
	if r.Upper != math.MaxUint32 {
		last = s.seek(cursorOf(r.Upper+1, Hash{}))
	}
	if len(r.Cursor) == 36 {
		at := s.seek([36]byte(r.Cursor))
		if descending {
			last = min(last, at)
		} else {
			if at < len(s.rows) && bytes.Equal(s.rows[at].key[:], r.Cursor) {
				at++
			}
			first = max(first, at)
		}
	}
	var out []row
	for i := 0; i < last-first && (r.Limit == 0 || len(out) < int(r.Limit)); i++ {
		at := first + i
		if descending {
			at = last - 1 - i
		}
		if r.matches(s.rows[at].topic) {
			out = append(out, s.rows[at])
		}
	}
	return out
}

func (s *Store) seek(key [36]byte) int {
	return sort.Search(len(s.rows), func(i int) bool { return bytes.Compare(s.rows[i].key[:], key[:]) >= 0 })
}

// matches prefers topics to the bloom.
func (r Request) matches(topic [4]byte) bool {
	if len(r.Topics) > 0 {
		for _, t := range r.Topics {
			if t == topic {
				return true
			}
		}
		return false
	}
	return bloomMatches(r.Bloom, topicBloom(topic))
}
