// Package record is a log line as everything in the room of logs hands it on:
// a time, a message, who it belongs to, and fields named after Elastic Common
// Schema. It is pure: agents use it as the hub does.
package record

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The names of the fields that every line has or may have. Those of Elastic
// Common Schema keep its meaning; ours are under vigie.
const (
	Time     = "@timestamp"     // when it happened, as the sender says
	Ingested = "event.ingested" // when the hub took it
	Message  = "message"
	Level    = "log.level" // lower case: debug, info, notice, warning, error, critical …
	Service  = "service.name"
	Host     = "host.name" // the server's slug, from the sender's certificate where it has one
	Path     = "log.file.path"
	Offset   = "log.offset" // of the line's first byte in its stream
	Original = "event.original"
	Tags     = "tags"

	OwnerField = "vigie.owner"
	Instance   = "vigie.instance"
	Client     = "vigie.client"
	Class      = "vigie.class"
	Stream     = "vigie.stream" // the file, journal or container a line is from
	Skewed     = "vigie.skewed" // true: Time was too far off to be believed, so that it is Ingested; the sender's is in vigie.sent
	Sent       = "vigie.sent"

	Index = "_index"
	ID    = "_id"
	Seq   = "_seq" // the store's own number of the line, growing
)

// The classes of lines that ship; an operations repository may name others.
const (
	ClassWeb         = "web"         // access and error logs of web servers
	ClassApplication = "application" // what instances say
	ClassSystem      = "system"      // kernel, services, cron
	ClassAuth        = "auth"        // who signed in, or tried
	ClassDatabase    = "database"
)

// Owner is whom a line belongs to: one instance or one server. Retention and
// erasure go by it.
type Owner struct {
	Kind string // "instance" or "server"
	Slug string
}

// The kinds of owners.
const (
	OwnerInstance = "instance"
	OwnerServer   = "server"
)

// InstanceOwner and ServerOwner name owners by slug.
func InstanceOwner(slug string) Owner { return Owner{OwnerInstance, slug} }

// ServerOwner is the owner of what maps to no instance.
func ServerOwner(slug string) Owner { return Owner{OwnerServer, slug} }

func (o Owner) String() string { return o.Kind + ":" + o.Slug }

// ErrOwner is text that names no owner.
var ErrOwner = errors.New("an owner is instance:SLUG or server:SLUG")

// ParseOwner reads what String wrote.
func ParseOwner(s string) (Owner, error) {
	kind, slug, ok := strings.Cut(s, ":")
	if !ok || kind != OwnerInstance && kind != OwnerServer || !plainSlug(slug) {
		return Owner{}, fmt.Errorf("%q: %w", s, ErrOwner)
	}
	return Owner{kind, slug}, nil
}

// plainSlug says whether a slug can be the name of a folder.
func plainSlug(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// Field is one value of a line. A name that comes several times in a row is an
// array.
type Field struct {
	Name  string
	Value Value
}

// Record is one line.
type Record struct {
	Time     int64 // nanoseconds since 1970, UTC
	Ingested int64 // the same, of the hub's clock
	Seq      uint64
	Owner    Owner
	Class    string
	Index    string // _index as the sender named it, or empty
	ID       string // _id as the sender gave it, or empty
	Message  string
	// Fields are all others, flat and dotted, sorted by name, the values of an
	// array in their order. None has a name of Reserved.
	Fields []Field
}

// Reserved are the names that stand in a Record's own places.
func Reserved(name string) bool {
	switch name {
	case Time, Ingested, Message, OwnerField, Class, Index, ID, Seq:
		return true
	}
	return false
}

// Sort puts the fields in order.
func (r *Record) Sort() {
	slices.SortStableFunc(r.Fields, func(a, b Field) int { return cmp.Compare(a.Name, b.Name) })
}

// Get returns the first value of a field, the reserved ones too.
func (r *Record) Get(name string) (Value, bool) {
	for v := range r.All(name) {
		return v, true
	}
	return Value{}, false
}

// All yields the values of a field, the reserved ones too.
func (r *Record) All(name string) func(yield func(Value) bool) {
	return func(yield func(Value) bool) {
		if Reserved(name) {
			if v, ok := r.reserved(name); ok {
				yield(v)
			}
			return
		}
		i, ok := slices.BinarySearchFunc(r.Fields, name, func(f Field, name string) int { return cmp.Compare(f.Name, name) })
		for ok && i < len(r.Fields) && r.Fields[i].Name == name {
			if !yield(r.Fields[i].Value) {
				return
			}
			i++
		}
	}
}

func (r *Record) reserved(name string) (Value, bool) {
	some := func(s string) (Value, bool) { return StringValue(s), s != "" }
	switch name {
	case Time:
		return TimeValue(r.Time), true
	case Ingested:
		return TimeValue(r.Ingested), r.Ingested != 0
	case Message:
		return some(r.Message)
	case OwnerField:
		return StringValue(r.Owner.String()), r.Owner != Owner{}
	case Class:
		return some(r.Class)
	case Index:
		return some(r.Index)
	case ID:
		return some(r.DocumentID())
	case Seq:
		return IntValue(int64(r.Seq)), true //nolint:gosec // counts from one; it never gets that far
	}
	return Value{}, false
}

// DocumentID is the sender's id, or one made of the store's number.
func (r *Record) DocumentID() string {
	if r.ID != "" || r.Seq == 0 {
		return r.ID
	}
	return fmt.Sprintf("~%013x", r.Seq)
}

// At is the line's time.
func (r *Record) At() time.Time { return time.Unix(0, r.Time).UTC() }

// Clone copies the line and every string in it, for whom keeps it longer than
// the buffer it was read from.
func (r *Record) Clone() Record {
	c := *r
	c.Owner.Kind, c.Owner.Slug = strings.Clone(r.Owner.Kind), strings.Clone(r.Owner.Slug)
	c.Class, c.Index, c.ID, c.Message = strings.Clone(r.Class), strings.Clone(r.Index), strings.Clone(r.ID), strings.Clone(r.Message)
	c.Fields = make([]Field, len(r.Fields))
	for i, f := range r.Fields {
		c.Fields[i] = Field{strings.Clone(f.Name), f.Value.Clone()}
	}
	return c
}
