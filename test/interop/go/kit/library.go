package kit

import (
	"crypto/ecdsa"

	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/p2p/enode"
)

// Library is one of the published implementations of a capability, behind bytes instead of its own types.
type Library interface {
	Capability() string
	Protocol() p2p.Protocol
	Start(*p2p.Server) error
	Stop() error
	// Seal encrypts a payload, and mines it when pow is above 0; the result is an encoded envelope.
	Seal(SealOptions) ([]byte, error)
	// Send puts an encoded envelope into the pool, from where it goes to all peers.
	Send(raw []byte) error
	Subscribe(FilterOptions, func(Message)) (id string, err error)
	Unsubscribe(id string) error
	Trust(enode.ID) error
	RequestEnvelope(peer enode.ID, raw []byte) error
	// PlainForm names the form of RequestPlain, or is empty.
	PlainForm() string
	RequestPlain(peer enode.ID, id Hash, r Request) error
	SetPow(float64) error
	SetBloom([]byte) error
	Pool() []Hash
	// OpenMailserver makes the peer answer requests.
	OpenMailserver(MailserverOptions) error
	// Archive stores an encoded envelope without any check; Archived counts them.
	Archive(raw []byte) error
	Archived() int
}

// LibraryOptions are given to a library when it is made.
type LibraryOptions struct {
	Key            *ecdsa.PrivateKey
	Pow            float64
	Bloom          []byte // nil for the library's default
	Light          bool
	Confirmations  bool
	MaxMessageSize uint32
	RateLimits     *RateLimits
	Emit           func(event string, fields Fields)
	Feed           bool                  // also emit what the library's own feed says
	NameOf         func(enode.ID) string // the public key of a peer, for events
}

// RateLimits are packets per second; a peer that exceeds them more than tolerance times is dropped (0: never).
type RateLimits struct {
	IP        int64 `json:"ip"`
	Peer      int64 `json:"peer"`
	Tolerance int64 `json:"tolerance"`
}

// SealOptions describe an envelope to make. Exactly one of SymKey and To is set.
type SealOptions struct {
	Payload  []byte
	Topic    [4]byte
	SymKey   []byte
	To       *ecdsa.PublicKey
	SignWith *ecdsa.PrivateKey
	TTL      uint32
	Expiry   uint32
	Pow      float64
	WorkTime uint32 // seconds
}

// FilterOptions describe what to listen for. Exactly one of SymKey and Key is set.
type FilterOptions struct {
	SymKey   []byte
	Key      *ecdsa.PrivateKey
	Topics   [][4]byte
	AllowP2P bool
	Pow      float64
}

// Message is what a library's filter delivered.
type Message struct {
	Hash    Hash
	Topic   [4]byte
	Payload []byte
	Sent    uint32
	TTL     uint32
	Pow     float64
	Signer  *ecdsa.PublicKey
	P2P     *bool // nil when the library does not say
}
