// Package certfile finds the certificates that lie on a server's disk. It
// reads certificates only; keys that stand in the same file are passed over.
package certfile

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// MaxSize is the largest file that is read.
const MaxSize = 1 << 20

// Defaults are the places where servers usually keep what they serve.
func Defaults() []string {
	return []string{
		"/etc/letsencrypt/live/*/cert.pem",
		"/etc/ssl/private/*.pem", "/etc/ssl/private/*.crt",
		"/etc/nginx/ssl/*.pem", "/etc/nginx/ssl/*.crt",
		"/etc/haproxy/certs/*.pem",
	}
}

// ErrNone says that a file holds no certificate.
var ErrNone = errors.New("it holds no certificate")

// Find returns the files that the patterns match, absolute and sorted. A
// pattern that cannot be read matches nothing; CheckPattern finds it earlier.
func Find(root fs.FS, patterns []string) []string {
	var all []string
	for _, p := range patterns {
		found, err := fs.Glob(root, strings.TrimPrefix(p, "/"))
		if err != nil {
			continue
		}
		for _, f := range found {
			all = append(all, "/"+f)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// CheckPattern says what is wrong with a pattern.
func CheckPattern(p string) error {
	if !strings.HasPrefix(p, "/") {
		return fmt.Errorf("%q does not begin with /", p)
	}
	if _, err := fs.Glob(noFiles{}, strings.TrimPrefix(p, "/")); err != nil {
		return fmt.Errorf("%q is no pattern: use * for any letters, ? for one, [ab] for one of them", p)
	}
	return nil
}

type noFiles struct{}

func (noFiles) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

// Read returns the first certificate of a file: the one a server shows.
func Read(root fs.FS, path string) (*x509.Certificate, error) {
	f, err := root.Open(strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxSize))
	if err != nil {
		return nil, err
	}
	return Parse(b)
}

// Parse returns the first certificate of PEM text.
func Parse(b []byte) (*x509.Certificate, error) {
	for len(b) > 0 {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, ErrNone
}
