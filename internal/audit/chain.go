package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// row is one link of the chain, as it is stored.
type row struct {
	Seq         int64     `bun:"seq"`
	ID          string    `bun:"id"`
	At          time.Time `bun:"at"`
	Actor       string    `bun:"actor"`
	Via         string    `bun:"via"`
	Verb        string    `bun:"verb"`
	Object      string    `bun:"object"`
	PayloadHash string    `bun:"payload_hash"`
	PrevHash    string    `bun:"prev_hash"`
	Hash        string    `bun:"hash"`
}

// payload is what of an entry can be erased.
type payload struct {
	Entry    string `bun:"entry"`
	Salt     string `bun:"salt"` // keeps a short reason from being guessed from its hash
	Reason   string `bun:"reason"`
	Details  string `bun:"details"`   // JSON
	ErasedBy string `bun:"erased_by"` // id of the entry that erased it; empty while it is whole
}

// hash covers everything of the row but the hash itself.
func (r row) hash() string {
	return digest("vigie audit entry 1", strconv.FormatInt(r.Seq, 10), r.ID, r.At.UTC().Format(time.RFC3339Nano),
		r.Actor, r.Via, r.Verb, r.Object, r.PayloadHash, r.PrevHash)
}

func (p payload) hash() string {
	return digest("vigie audit payload 1", p.Salt, p.Reason, p.Details)
}

// digest hashes fields with their lengths, so that no two lists of fields look
// the same.
func digest(fields ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, f := range fields {
		binary.BigEndian.PutUint64(n[:], uint64(len(f)))
		h.Write(n[:])
		h.Write([]byte(f))
	}
	return hex.EncodeToString(h.Sum(nil))
}
