package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
)

// Token lets one server enrol once. It names the server and pins the hub's CA,
// so that an agent's first connection is as safe as all later ones.
type Token struct {
	Server      string // slug
	Secret      string // what the hub keeps a hash of; no dots
	Fingerprint string // SHA-256 of the CA certificate's DER, 64 hex digits
}

const tokenPrefix = "vigie1"

// ErrToken says that a text is no enrolment token.
var ErrToken = errors.New("this is no enrolment token; it looks like vigie1.SERVER.SECRET.FINGERPRINT, as `vigie agent token SERVER` prints it")

// String returns the text a person carries to the server. It holds the secret.
func (t Token) String() string {
	return strings.Join([]string{tokenPrefix, t.Server, t.Secret, t.Fingerprint}, ".")
}

// LogValue keeps the secret out of logs.
func (t Token) LogValue() slog.Value { return slog.StringValue("token of " + t.Server) }

// ParseToken reads what Token.String wrote. The error never repeats the text.
func ParseToken(s string) (Token, error) {
	parts := strings.Split(strings.TrimSpace(s), ".")
	if len(s) > 1024 || len(parts) != 4 || parts[0] != tokenPrefix || parts[1] == "" || parts[2] == "" {
		return Token{}, ErrToken
	}
	fingerprint, err := hex.DecodeString(parts[3])
	if err != nil || len(fingerprint) != sha256.Size {
		return Token{}, ErrToken
	}
	return Token{Server: parts[1], Secret: parts[2], Fingerprint: strings.ToLower(parts[3])}, nil
}

// Fingerprint returns what a token carries of a CA certificate in DER.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
