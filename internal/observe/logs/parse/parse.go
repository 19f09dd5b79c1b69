// Package parse reads the lines that programs write: formats of web servers,
// syslog, databases, JSON and logfmt become fields with the names of Elastic
// Common Schema. It is pure, so that agents use it as the hub does.
//
// The message stays the line as it was written, but for formats whose line is
// an envelope: JSON with a message of its own, syslog, CRI. What cannot be read
// is a message and nothing else.
package parse

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Parser reads lines of one format.
type Parser interface {
	// Parse fills a line of which Message is the text as it was written. It says
	// false, and changes nothing but what Text does, for what is not of its format.
	Parse(r *record.Record) bool
}

// Options are what a line does not say itself.
type Options struct {
	Zone *time.Location   // of times without one; UTC if nil
	Now  func() time.Time // for years that lines leave out; time.Now if nil
}

func (o Options) withDefaults() Options {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// formats are the parsers by name.
var formats = map[string]func(Options) Parser{
	"auto":     func(o Options) Parser { return newAuto(o) },
	"plain":    func(Options) Parser { return plain{} },
	"json":     func(Options) Parser { return &jsonLines{} },
	"logfmt":   func(Options) Parser { return logfmt{} },
	"access":   func(Options) Parser { return access{} },
	"error":    func(o Options) Parser { return webError{o.Zone} },
	"syslog":   func(o Options) Parser { return syslogFile{o} },
	"postgres": func(o Options) Parser { return postgres{o.Zone} },
	"redis":    func(o Options) Parser { return redis{o.Zone} },
}

// Names are the names of all formats, sorted.
func Names() []string {
	out := make([]string, 0, len(formats))
	for n := range formats {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// New returns the parser of a format.
func New(name string, o Options) (Parser, error) {
	f, ok := formats[name]
	if !ok {
		return nil, fmt.Errorf("there is no format %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return f(o.withDefaults()), nil
}

// Guess is the format and the class of a file by its path.
func Guess(path string) (format, class string) {
	base := path[strings.LastIndexByte(path, '/')+1:]
	in := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(path, "/"+p+"/") })
	}
	switch {
	case in("nginx", "apache2", "httpd", "caddy") && strings.Contains(base, "error"):
		return "error", record.ClassWeb
	case in("nginx", "apache2", "httpd") && (strings.Contains(base, "access") || strings.HasSuffix(base, ".log")):
		return "access", record.ClassWeb
	case base == "auth.log" || base == "secure":
		return "syslog", record.ClassAuth
	case base == "syslog" || base == "messages" || base == "kern.log" || base == "daemon.log" || base == "cron.log" || base == "mail.log" || base == "user.log":
		return "syslog", record.ClassSystem
	case in("postgresql"):
		return "postgres", record.ClassDatabase
	case in("redis"):
		return "redis", record.ClassDatabase
	case in("mongodb"):
		return "json", record.ClassDatabase
	case in("mysql", "mariadb"):
		return "auto", record.ClassDatabase
	}
	return "auto", ""
}

// Text makes a text one that can be kept: bytes that are no UTF-8 become
// U+FFFD.
func Text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// put adds a field if there is a value.
func put(r *record.Record, name, value string) {
	if value != "" && value != "-" {
		r.Put(name, record.StringValue(value))
	}
}

type plain struct{}

// Parse implements Parser.
func (plain) Parse(*record.Record) bool { return true }
