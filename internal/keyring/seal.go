package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
)

// sealer seals under one master key.
type sealer struct {
	id   string // of the master key
	aead cipher.AEAD
}

func newSealer(id string, key []byte) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{id: id, aead: aead}, nil
}

// place is what a sealed text is bound to, so that none can be put in the
// place of another.
func place(name string, version int) []byte {
	return fmt.Appendf(nil, "vigie key %d %q", version, name)
}

func (s *sealer) seal(name string, version int, plain []byte) string {
	return base64.StdEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, place(name, version)))
}

var errNotOpened = errors.New("it was changed, or sealed under another master key")

func (s *sealer) open(name string, version int, sealed string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, errNotOpened
	}
	plain, err := s.aead.Open(nil, nil, b, place(name, version))
	if err != nil {
		return nil, errNotOpened
	}
	return plain, nil
}
