package keyring

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// ErrWeakMaster says that a master key can be guessed.
var ErrWeakMaster = errors.New("the master key is too short or too regular; give 32 random bytes in base64 or hex, such as `openssl rand -base64 32` prints, or a passphrase of at least 32 characters")

// The ways a master key becomes the key that seals.
const (
	kdfRandom     = "hkdf-sha256"              // 32 random bytes need no slowing down
	kdfPassphrase = "argon2id,t=3,m=65536,p=1" // a passphrase does
)

const (
	keyBytes      = 32
	minPassphrase = 32 // characters
	minDistinct   = 8  // characters that differ; less is a pattern
)

// Check reports whether a master key is strong enough to be one.
func Check(master []byte) error {
	_, _, err := parse(master)
	return err
}

// parse tells random bytes in text from a passphrase.
func parse(master []byte) (material []byte, kdf string, err error) {
	text := bytes.TrimSpace(master)
	if random := decode(text); random != nil {
		if distinct(random) < minDistinct {
			return nil, "", ErrWeakMaster
		}
		return random, kdfRandom, nil
	}
	if utf8.RuneCount(text) < minPassphrase || distinct(text) < minDistinct {
		return nil, "", ErrWeakMaster
	}
	return text, kdfPassphrase, nil
}

// decode returns the 32 bytes that a text writes in hex or base64, or nil.
func decode(text []byte) []byte {
	if b, err := hex.DecodeString(string(text)); err == nil && len(b) == keyBytes {
		return b
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(string(text)); err == nil && len(b) == keyBytes {
			return b
		}
	}
	return nil
}

func distinct(b []byte) int {
	seen := map[byte]bool{}
	for _, c := range b {
		seen[c] = true
	}
	return len(seen)
}

func newSalt() []byte {
	salt := make([]byte, 16)
	rand.Read(salt) // never fails since Go 1.24
	return salt
}

// derive turns a master key into the key that seals, the way it was done when
// the state was made.
func derive(master []byte, kdf string, salt []byte) ([]byte, error) {
	material, is, err := parse(master)
	if err != nil {
		return nil, err
	}
	if is != kdf && (kdf == kdfRandom || kdf == kdfPassphrase) {
		return nil, ErrWrongMaster // random bytes where a passphrase was, or the other way round
	}
	switch kdf {
	case kdfRandom:
		return hkdf.Key(sha256.New, material, salt, "vigie keyring", keyBytes)
	case kdfPassphrase:
		return argon2.IDKey(material, salt, 3, 64<<10, 1, keyBytes), nil
	}
	return nil, fmt.Errorf("the keys in this state were sealed in a way this program does not know (%s); run the newer vigie that wrote them", kdf)
}
