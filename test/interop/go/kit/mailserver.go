package kit

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// MailserverOptions says how a peer serves history.
type MailserverOptions struct {
	Dir           string   `json:"dir"`           // where go-ethereum's mailserver keeps its LevelDB; the others keep theirs in memory
	Password      string   `json:"password"`      // opens request envelopes
	Pow           float64  `json:"pow"`           // asked of request envelopes
	Forms         []string `json:"forms"`         // "sg7", "sg6", "raw"; tried in this order
	Order         string   `json:"order"`         // "ascending" (default) or "descending"
	LastAlone     *bool    `json:"lastAlone"`     // the envelope that fills the limit travels in a packet of its own (default true)
	RateLimit     float64  `json:"rateLimit"`     // seconds between two requests of one peer; 0 for none
	MaxBundle     int      `json:"maxBundle"`     // bytes of envelopes in one packet, default 1 MiB less the list header
	BloomRequired *bool    `json:"bloomRequired"` // refuse a request without bloom even when it names topics
	OpenAsym      bool     `json:"asymmetric"`    // request envelopes may also be sealed to the node key
}

const (
	maxLimit      = 1000
	upperSlack    = 60
	maxRawRange   = 24 * 60 * 60 // seconds
	defaultBundle = 1<<20 - 16
)

// Outlet is how a library sends an answer.
type Outlet interface {
	Deliver(raws [][]byte) error
	Complete(id, last Hash, cursor []byte) error
	Fail(id Hash, reason error) error
}

// OpenedRequest is a request envelope after the library tried to open it.
type OpenedRequest struct {
	ID      Hash
	Peer    []byte // node id, 32 bytes
	Pow     float64
	Opened  bool
	Signed  bool
	Payload []byte
}

// Mailserver answers requests the way the deployed ones do, from its own store.
type Mailserver struct {
	Options MailserverOptions
	Store   *Store
	emit    func(event string, fields Fields)
	mu      sync.Mutex
	served  map[string]time.Time
}

// NewMailserver fills in the defaults; forms and bloomRequired are what the capability's servers had.
func NewMailserver(options MailserverOptions, forms []string, bloomRequired bool, emit func(string, Fields)) *Mailserver {
	if len(options.Forms) == 0 {
		options.Forms = forms
	}
	if options.BloomRequired == nil {
		options.BloomRequired = &bloomRequired
	}
	if options.LastAlone == nil {
		yes := true
		options.LastAlone = &yes
	}
	if options.MaxBundle == 0 {
		options.MaxBundle = defaultBundle
	}
	return &Mailserver{Options: options, Store: NewStore(), emit: emit, served: make(map[string]time.Time)}
}

// ServeEnvelope answers an encrypted request. Where the raw layout is accepted, everything that fails is tried as such, and what is wrong
// with it as such is the answer: so did status-go's whisper server.
func (m *Mailserver) ServeEnvelope(peer string, opened OpenedRequest, out Outlet) {
	r, form, err := m.read(opened)
	if err != nil && slices.Contains(m.Options.Forms, "raw") {
		form = "raw"
		r, err = m.readRaw(opened)
	}
	if err == nil {
		m.report(peer, opened.ID, form, r)
		err = m.check(peer, &r)
	}
	m.answer(peer, opened.ID, r, err, out)
}

// ServePlain answers a request that was not encrypted.
func (m *Mailserver) ServePlain(peer string, id Hash, r Request, out Outlet) {
	r.Batch = true
	m.report(peer, id, "plain", r)
	err := checkRange(&r)
	if err != nil {
		err = fmt.Errorf("request is invalid: %w", err)
	} else {
		err = m.check(peer, &r)
	}
	m.answer(peer, id, r, err, out)
}

func (m *Mailserver) read(opened OpenedRequest) (r Request, form string, err error) {
	switch {
	case m.Options.Pow > 0 && opened.Pow < m.Options.Pow:
		return r, "", errors.New("PoW too low")
	case !opened.Opened:
		return r, "", errors.New("failed to decrypt p2p request")
	case !opened.Signed:
		return r, "", errors.New("check message signature failed: wrong signature of p2p request")
	}
	if r, form, err = decodeInner(opened.Payload, m.Options.Forms); err != nil {
		return r, "", fmt.Errorf("failed to decode data: %w", err)
	}
	return r, form, checkRange(&r)
}

func (m *Mailserver) readRaw(opened OpenedRequest) (r Request, err error) {
	switch {
	case m.Options.Pow > 0 && opened.Pow < m.Options.Pow:
		return r, errors.New("PoW() is too low")
	case !opened.Opened:
		return r, errors.New("failed to decrypt p2p request")
	case !opened.Signed:
		return r, errors.New("Wrong signature of p2p request")
	}
	if r, err = decodeRaw(opened.Payload); err != nil {
		return r, err
	}
	if r.Upper < r.Lower {
		return r, fmt.Errorf("query range is invalid: from > to (%d > %d)", r.Lower, r.Upper)
	}
	if r.Upper-r.Lower > maxRawRange {
		return r, fmt.Errorf("query range too big for peer %s", opened.Peer) // the id's bytes as they are: no valid UTF-8
	}
	return r, nil
}

func checkRange(r *Request) error {
	if r.Upper == 0 {
		r.Upper = uint32(time.Now().Unix()) + upperSlack
	}
	if r.Upper < r.Lower {
		return errors.New("query range is invalid: lower > upper")
	}
	return nil
}

func (m *Mailserver) check(peer string, r *Request) error {
	switch {
	case len(r.Bloom) == 0 && *m.Options.BloomRequired:
		return errors.New("request is invalid: bloom filter is empty")
	case len(r.Bloom) == 0 && len(r.Topics) == 0:
		return errors.New("request is invalid: bloom filter and topics is empty")
	case len(r.Bloom) != 0 && len(r.Bloom) != 64:
		return errors.New("request is invalid: bloom filter has a wrong size")
	case r.Limit > maxLimit:
		return errors.New("request is invalid: limit exceeds the maximum allowed value")
	}
	if r.Limit == 0 {
		r.Limit = maxLimit
	}
	if m.Options.RateLimit > 0 {
		m.mu.Lock()
		defer m.mu.Unlock()
		if time.Since(m.served[peer]).Seconds() < m.Options.RateLimit {
			return errors.New("rate limit exceeded")
		}
		m.served[peer] = time.Now()
	}
	return nil
}

func (m *Mailserver) report(peer string, id Hash, form string, r Request) {
	topics := make([]string, 0, len(r.Topics))
	for _, topic := range r.Topics {
		topics = append(topics, hexOf(topic[:]))
	}
	m.emit("request-received", Fields{
		"peer": peer, "requestId": hexOf(id[:]), "form": form, "from": r.Lower, "to": r.Upper, "topics": topics,
		"bloom": hexOf(r.Bloom), "limit": r.Limit, "cursor": hexOf(r.Cursor), "batch": r.Batch,
	})
}

func (m *Mailserver) answer(peer string, id Hash, r Request, err error, out Outlet) {
	done := Fields{"peer": peer, "requestId": hexOf(id[:])}
	if err != nil {
		done["error"] = err.Error()
		m.emit("request-served", done)
		if err := out.Fail(id, err); err != nil {
			m.emit("error", Fields{"message": err.Error()})
		}
		return
	}
	rows := m.Store.query(r, m.Options.Order == "descending")
	for _, bundle := range m.bundles(rows, r) {
		if err := out.Deliver(bundle); err != nil {
			m.emit("error", Fields{"message": err.Error()})
			return
		}
	}
	var last Hash
	var cursor []byte
	if len(rows) > 0 {
		key := rows[len(rows)-1].key
		copy(last[:], key[4:])
		if len(rows) == int(r.Limit) {
			cursor = key[:]
		}
	}
	if err := out.Complete(id, last, cursor); err != nil {
		m.emit("error", Fields{"message": err.Error()})
	}
	done["envelopes"], done["lastHash"], done["cursor"] = len(rows), hexOf(last[:]), hexOf(cursor)
	m.emit("request-served", done)
}

// bundles groups the envelopes of a page into packets.
func (m *Mailserver) bundles(rows []row, r Request) (out [][][]byte) {
	var bundle [][]byte
	size := 0
	flush := func() {
		if len(bundle) > 0 {
			out = append(out, bundle)
		}
		bundle, size = nil, 0
	}
	for i, row := range rows {
		fillsLimit := i == len(rows)-1 && len(rows) == int(r.Limit) && *m.Options.LastAlone
		if !r.Batch || fillsLimit || size+len(row.raw) > m.Options.MaxBundle {
			flush()
		}
		bundle = append(bundle, row.raw)
		size += len(row.raw)
	}
	flush()
	return out
}
