package kit

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"golang.org/x/crypto/pbkdf2"
)

// keyOptions name a key: one of them.
type keyOptions struct {
	Key      string `json:"key"`       // symmetric key, 32 bytes of hex
	Password string `json:"password"`  // the symmetric key derived from it
	To       string `json:"publicKey"` // public key to seal to, 65 or 64 bytes of hex
	Private  bool   `json:"private"`   // this node's own private key
}

// symmetric derives each password once: it takes a tenth of a second.
func (n *Node) symmetric(o keyOptions) ([]byte, error) {
	if o.Key != "" {
		key, err := parseHex(o.Key)
		if err == nil && len(key) != 32 {
			err = errors.New("a symmetric key has 32 bytes")
		}
		return key, err
	}
	if o.Password == "" {
		return nil, nil
	}
	if n.symKeys[o.Password] == nil {
		n.symKeys[o.Password] = pbkdf2.Key([]byte(o.Password), nil, 65356, 32, sha256.New)
	}
	return n.symKeys[o.Password], nil
}

func parsePublicKey(text string) (*ecdsa.PublicKey, error) {
	b, err := parseHex(text)
	if err == nil && len(b) == 64 {
		b = append([]byte{4}, b...)
	}
	if err != nil {
		return nil, err
	}
	return crypto.UnmarshalPubkey(b)
}

func (n *Node) onPost(call *Call) error {
	var o struct {
		head
		keyOptions
		Capability string   `json:"capability"`
		Topic      string   `json:"topic"`
		Payload    string   `json:"payload"`
		Text       string   `json:"text"`
		Size       int      `json:"size"`
		Count      int      `json:"count"`
		TTL        uint32   `json:"ttl"`
		Sent       uint32   `json:"sent"`
		Pow        *float64 `json:"pow"`
		WorkTime   uint32   `json:"workTime"`
		Sign       bool     `json:"sign"`
		Send       *bool    `json:"send"`
		Raw        bool     `json:"raw"`
		Envelopes  []string `json:"envelopes"`
	}
	if err := call.Read(&o); err != nil {
		return err
	}
	library, err := n.library(o.Capability)
	if err != nil {
		return err
	}
	raws, err := parseHexes(o.Envelopes)
	if err != nil {
		return err
	}
	if len(raws) == 0 {
		seal, err := n.sealing(o.keyOptions, o.Sign)
		if err != nil {
			return err
		}
		payload, err := parseHex(o.Payload)
		if err != nil {
			return err
		}
		payload = append(payload, o.Text...)
		seal.Topic, seal.TTL, seal.WorkTime, seal.Pow = TopicOf(o.Topic), o.TTL, o.WorkTime, defaultPow
		if o.Pow != nil {
			seal.Pow = *o.Pow
		}
		if seal.TTL == 0 {
			seal.TTL = 60
		}
		if seal.WorkTime == 0 {
			seal.WorkTime = 30
		}
		for i := 0; i < max(o.Count, 1); i++ {
			seal.Payload = payload
			if o.Count > 1 {
				seal.Payload = append(bytes.Clone(payload), fmt.Sprintf("#%d", i)...)
			}
			if fill := o.Size - len(seal.Payload); fill > 0 {
				seal.Payload = append(bytes.Clone(seal.Payload), make([]byte, fill)...)
			}
			sent := o.Sent
			if sent == 0 {
				sent = uint32(time.Now().Unix())
			}
			seal.Expiry = sent + seal.TTL
			raw, err := library.Seal(seal)
			if err != nil {
				return err
			}
			raws = append(raws, raw)
		}
	}
	hashes := make([]Hash, len(raws))
	texts := make([]string, len(raws))
	for i, raw := range raws {
		hashes[i], texts[i] = HashOf(raw), hexOf(raw)
		if o.Send == nil || *o.Send {
			if err := library.Send(raw); err != nil {
				return fmt.Errorf("envelope %d: %w", i, err)
			}
		}
	}
	fields := Fields{"hashes": hexes(hashes)}
	if o.Raw {
		fields["envelopes"] = texts
	}
	call.Reply("posted", fields)
	return nil
}

// sealing picks the keys of an envelope.
func (n *Node) sealing(o keyOptions, sign bool) (seal SealOptions, err error) {
	if seal.SymKey, err = n.symmetric(o); err != nil {
		return seal, err
	}
	if o.To != "" {
		if seal.To, err = parsePublicKey(o.To); err != nil {
			return seal, err
		}
	}
	if (seal.SymKey == nil) == (seal.To == nil) {
		return seal, errors.New("give either key or password, or publicKey")
	}
	if sign {
		seal.SignWith = n.key
	}
	return seal, nil
}

func parseHexes(texts []string) ([][]byte, error) {
	var out [][]byte
	for _, text := range texts {
		b, err := parseHex(text)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}
