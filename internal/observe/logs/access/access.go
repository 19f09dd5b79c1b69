// Package access says who may write lines and read them over the listeners of
// logs: the tokens of a file that are good for nothing else, each with whose
// lines it is about. A shipper that is stolen from can then neither read nor
// run anything.
package access

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Token is who sends or asks.
type Token struct {
	Name        string
	Write, Read bool
	owners      []record.Owner // empty for all
	sum         [sha256.Size]byte
}

// Server is the server that a token is about, if it is about one server alone.
func (t Token) Server() string {
	if len(t.owners) == 1 && t.owners[0].Kind == record.OwnerServer {
		return t.owners[0].Slug
	}
	return ""
}

// Owners says whom the token is about; nil for everybody.
func (t Token) Owners() func(record.Owner) bool {
	if len(t.owners) == 0 {
		return nil
	}
	return func(o record.Owner) bool { return slices.Contains(t.owners, o) }
}

// Tokens are the tokens of a file.
type Tokens struct{ all map[[sha256.Size]byte]Token }

// hashed begins a token of which the file holds only the hash.
const hashed = "sha256:"

// Load reads a file of tokens, which must not be readable by everybody.
func Load(path string) (*Tokens, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read tokens of logs: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read tokens of logs: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("the file %s is open to every user of this machine; run `chmod 600 %s`", path, path)
	}
	return Parse(path, f)
}

// Parse reads tokens, one a line: a name, what it is for, and the token or
// "sha256:" with its hash in hex. What it is for is write or read or both, and
// whose lines, joined by commas: write,instance:borealis. Errors name the line
// and never repeat a token.
func Parse(file string, r io.Reader) (*Tokens, error) {
	out := &Tokens{all: map[[sha256.Size]byte]Token{}}
	in := bufio.NewScanner(r)
	names := map[string]int{}
	n := 0
	for in.Scan() {
		n++
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		t, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		if other, ok := names[t.Name]; ok {
			return nil, fmt.Errorf("%s:%d: the name is already used in line %d; each token needs its own", file, n, other)
		}
		if _, ok := out.all[t.sum]; ok {
			return nil, fmt.Errorf("%s:%d: the token is that of another line; each program needs its own", file, n)
		}
		names[t.Name], out.all[t.sum] = n, t
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, n+1, err)
	}
	return out, nil
}

func parse(line string) (Token, error) {
	f := strings.Fields(line)
	if len(f) != 3 {
		return Token{}, errors.New("a line is NAME, what it is for, and TOKEN, such as: shop write,instance:borealis x7…")
	}
	t := Token{Name: f[0]}
	for one := range strings.SplitSeq(f[1], ",") {
		switch one {
		case "write":
			t.Write = true
		case "read":
			t.Read = true
		default:
			o, err := record.ParseOwner(one)
			if err != nil {
				return Token{}, fmt.Errorf("%q is neither write nor read, nor whose lines: instance:SLUG or server:SLUG", one)
			}
			t.owners = append(t.owners, o)
		}
	}
	if !t.Write && !t.Read {
		return Token{}, errors.New("it is for nothing; add write or read")
	}
	if hash, ok := strings.CutPrefix(f[2], hashed); ok {
		b, err := hex.DecodeString(hash)
		if err != nil || len(b) != len(t.sum) {
			return Token{}, errors.New("behind sha256: there are 64 digits of a hash")
		}
		copy(t.sum[:], b)
		return t, nil
	}
	if len(f[2]) < 16 {
		return Token{}, errors.New("a token has 16 characters or more; openssl rand -hex 24 makes one")
	}
	t.sum = sha256.Sum256([]byte(f[2]))
	return t, nil
}

// Find returns the token of a request: as bearer, as the password of basic
// authentication, whose name must be the token's, or as an API key of
// Elasticsearch.
func (t *Tokens) Find(r *http.Request) (Token, bool) {
	if t == nil {
		return Token{}, false
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	value = strings.TrimSpace(value)
	name := ""
	switch strings.ToLower(scheme) {
	case "bearer":
	case "basic":
		user, password, ok := r.BasicAuth()
		if !ok {
			return Token{}, false
		}
		name, value = user, password
	case "apikey":
		if b, err := base64.StdEncoding.DecodeString(value); err == nil {
			if _, key, ok := strings.Cut(string(b), ":"); ok {
				value = key
			}
		}
	default:
		return Token{}, false
	}
	// Found by its hash: comparing hashes tells nothing about the token.
	one, ok := t.all[sha256.Sum256([]byte(value))]
	return one, ok && (name == "" || name == one.Name)
}
