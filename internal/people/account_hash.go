package people

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is what a guess at a password takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// costNow returns what a guess costs today: about 80 ms of one core of a small
// server, and 32 MiB while it lasts. Passwords hashed at another cost are
// hashed again at a sign-in.
func costNow() cost { return cost{memory: 32 << 10, passes: 3, threads: 1} }

const (
	saltBytes = 16
	hashBytes = 32
)

var errPHC = errors.New("a stored password hash cannot be read")

// hashed is a password's hash, in PHC form as text.
type hashed struct {
	cost cost
	salt []byte
	sum  []byte
}

func (c cost) hash(password string) string {
	h := hashed{cost: c, salt: make([]byte, saltBytes)}
	rand.Read(h.salt) // never fails since Go 1.24
	h.sum = h.cost.sum(password, h.salt)
	return h.String()
}

func (c cost) sum(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, hashBytes)
}

// matches takes the same time whether it does or not.
func (h hashed) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.cost.sum(password, h.salt), h.sum) == 1
}

// nobody is what the password of a name that does not exist is compared with,
// so that the answer takes as long. Nothing hashes to it.
func nobody(c cost) hashed {
	return hashed{cost: c, salt: make([]byte, saltBytes), sum: make([]byte, hashBytes)}
}

// String returns the PHC form.
func (h hashed) String() string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.cost.memory, h.cost.passes, h.cost.threads, enc.EncodeToString(h.salt), enc.EncodeToString(h.sum))
}

// parsePHC reads what String wrote. What it accepts is bounded, so that a row
// nobody here wrote cannot take all memory.
func parsePHC(s string) (hashed, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return hashed{}, errPHC
	}
	var h hashed
	var seen [3]bool
	for p := range strings.SplitSeq(parts[3], ",") {
		name, text, _ := strings.Cut(p, "=")
		value, err := strconv.ParseUint(text, 10, 32)
		switch {
		case err != nil || value == 0:
			return hashed{}, errPHC
		case name == "m" && value >= 8 && value <= 1<<20 && !seen[0]:
			h.cost.memory, seen[0] = uint32(value), true
		case name == "t" && value <= 64 && !seen[1]:
			h.cost.passes, seen[1] = uint32(value), true
		case name == "p" && value <= 64 && !seen[2]:
			h.cost.threads, seen[2] = uint8(value), true
		default:
			return hashed{}, errPHC
		}
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	h.sum, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || seen != [3]bool{true, true, true} || len(h.salt) < 8 || len(h.salt) > 64 || len(h.sum) != hashBytes {
		return hashed{}, errPHC
	}
	return h, nil
}
