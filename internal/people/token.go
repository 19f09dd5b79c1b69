package people

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// StaticToken signs a program in as a bearer token.
type StaticToken struct {
	Name string
	Role Role
	sum  [32]byte
}

// LogValue shows the name of the token alone.
func (t StaticToken) LogValue() slog.Value { return slog.StringValue(t.Name) }

// NewStaticToken returns a token that is not in a file, such as that of the
// demo.
func NewStaticToken(name string, role Role, secret string) StaticToken {
	return StaticToken{Name: name, Role: role, sum: sumOf(secret)}
}

// minStaticToken is how long a token in a file has to be, in characters.
const minStaticToken = 20

// hashPrefix marks the hash of a token, for who wants no token in the file.
const hashPrefix = "sha256:"

// LoadTokens reads a tokens file. It must not be readable by everybody.
func LoadTokens(path string) ([]StaticToken, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("the tokens file %s is open to every user of this machine; run `chmod 600 %s`", path, path)
	}
	return ParseTokens(path, f)
}

// ParseTokens reads tokens, one a line: name, role, and the token or
// "sha256:" with its hash in hex. Empty lines and those that begin with # are
// passed over. Errors name the line and never repeat a token.
func ParseTokens(file string, r io.Reader) ([]StaticToken, error) {
	var tokens []StaticToken
	names, sums := map[string]int{}, map[[32]byte]int{}
	in := bufio.NewScanner(r)
	n := 0
	for in.Scan() {
		n++
		line := strings.TrimSpace(in.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		t, err := parseToken(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		if other, taken := names[t.Name]; taken {
			return nil, fmt.Errorf("%s:%d: the name is already used in line %d; each token needs its own", file, n, other)
		}
		if other, taken := sums[t.sum]; taken {
			return nil, fmt.Errorf("%s:%d: the token is the same as in line %d; each program needs its own", file, n, other)
		}
		names[t.Name], sums[t.sum] = n, n
		tokens = append(tokens, t)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, n+1, err)
	}
	return tokens, nil
}

func parseToken(line string) (StaticToken, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return StaticToken{}, fmt.Errorf("a line is a name, a role and a token, with spaces between; this one has %d parts", len(fields))
	}
	t := StaticToken{Name: fields[0], Role: Role(fields[1])}
	if strings.Trim(t.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || len(t.Name) > 64 {
		return StaticToken{}, fmt.Errorf("a name has up to 64 lower-case letters, digits, -, _ and dots")
	}
	if !t.Role.Valid() {
		return StaticToken{}, fmt.Errorf("the role of %q is none; write viewer, responder, operator or admin", t.Name)
	}
	secret := fields[2]
	if digest, ok := strings.CutPrefix(secret, hashPrefix); ok {
		b, err := hex.DecodeString(digest)
		if err != nil || len(b) != len(t.sum) {
			return StaticToken{}, fmt.Errorf("the hash of %q is none; write sha256: and 64 hex digits, as `sha256sum` prints them", t.Name)
		}
		copy(t.sum[:], b)
		return t, nil
	}
	if len(secret) < minStaticToken {
		return StaticToken{}, fmt.Errorf("the token of %q is too short; it needs at least %d characters, such as `openssl rand -hex 32` prints", t.Name, minStaticToken)
	}
	t.sum = sumOf(secret)
	return t, nil
}

func sumOf(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

// UseTokens exchanges the tokens that sign programs in.
func (a *Accounts) UseTokens(tokens []StaticToken) {
	known := make(map[[32]byte]StaticToken, len(tokens))
	for _, t := range tokens {
		known[t.sum] = t
	}
	a.tokens.Store(&known)
}
