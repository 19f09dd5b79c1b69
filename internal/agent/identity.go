package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// errNotEnrolled says that this server has no certificate of a hub yet.
var errNotEnrolled = errors.New("this server is not enrolled with the hub")

// identity is who this server is for one hub: a key and certificate in one
// file, so that both change together, and the hub's CA beside it.
type identity struct {
	dir string

	mu      sync.Mutex
	changed time.Time // of the file that was loaded
	cert    *tls.Certificate
	roots   *x509.CertPool
}

const (
	identityFile = "identity.pem" // key and certificate, 0600
	caFile       = "ca.pem"
)

// load reads the files if they changed since they were read last.
func (id *identity) load() error {
	id.mu.Lock()
	defer id.mu.Unlock()
	file := filepath.Join(id.dir, identityFile)
	info, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		id.cert = nil
		return errNotEnrolled
	}
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	if id.cert != nil && info.ModTime().Equal(id.changed) {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	ca, err := os.ReadFile(filepath.Join(id.dir, caFile))
	if err != nil {
		return fmt.Errorf("read the hub's CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return fmt.Errorf("read the hub's CA: %s holds no certificate", filepath.Join(id.dir, caFile))
	}
	id.cert, id.roots, id.changed = &cert, roots, info.ModTime()
	return nil
}

// current returns what connections use.
func (id *identity) current() (*tls.Certificate, *x509.CertPool) {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.cert, id.roots
}

// fileTime tells one identity on disk from the next.
func (id *identity) fileTime() time.Time {
	info, err := os.Stat(filepath.Join(id.dir, identityFile))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// server returns the name of this server, for the hub that certified it.
func (id *identity) server() string {
	cert, _ := id.current()
	if cert == nil || cert.Leaf == nil {
		return ""
	}
	return cert.Leaf.Subject.CommonName
}

// renewAt is when two thirds of the certificate's life are over.
func (id *identity) renewAt() time.Time {
	cert, _ := id.current()
	if cert == nil || cert.Leaf == nil {
		return time.Time{}
	}
	return cert.Leaf.NotBefore.Add(cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore) * 2 / 3)
}

// notAfter is when the certificate ends; the zero time without one.
func (id *identity) notAfter() time.Time {
	cert, _ := id.current()
	if cert == nil || cert.Leaf == nil {
		return time.Time{}
	}
	return cert.Leaf.NotAfter
}

// save puts a certificate and its key in place, whole or not at all. The CA
// goes first: a new CA beside the old certificate works, the reverse may not.
func (id *identity) save(key *ecdsa.PrivateKey, certificate, ca []byte) error {
	keyPEM, err := encodeKey(key)
	if err != nil {
		return err
	}
	pair := append(keyPEM, certificate...)
	if _, err := tls.X509KeyPair(pair, pair); err != nil {
		return fmt.Errorf("the hub answered with a certificate that is not for this key: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(ca) {
		return errors.New("the hub answered without its CA")
	}
	if err := os.MkdirAll(id.dir, 0o700); err != nil {
		return fmt.Errorf("keep the certificate: %w", err)
	}
	if err := replaceFile(filepath.Join(id.dir, caFile), ca, 0o644); err != nil {
		return fmt.Errorf("keep the hub's CA: %w", err)
	}
	if err := replaceFile(filepath.Join(id.dir, identityFile), pair, 0o600); err != nil {
		return fmt.Errorf("keep the certificate: %w", err)
	}
	if err := id.giveToOwner(); err != nil {
		return fmt.Errorf("keep the certificate: %w", err)
	}
	id.mu.Lock()
	id.changed = time.Time{} // read again, even within one tick of the file system's clock
	id.mu.Unlock()
	return id.load()
}

// giveToOwner gives what root wrote to whom the data folder belongs: root
// enrols a server whose agent runs as another user, which renews the
// certificate later.
func (id *identity) giveToOwner() error {
	if os.Geteuid() != 0 {
		return nil
	}
	hubs := filepath.Dir(id.dir)
	info, err := os.Stat(filepath.Dir(hubs))
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	for _, path := range []string{hubs, id.dir, filepath.Join(id.dir, caFile), filepath.Join(id.dir, identityFile)} {
		if err := os.Lchown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// newKey makes a key and the request for its certificate. The hub takes only
// the public key of it: who this server is, the token or certificate says.
func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "vigie-agent"}}, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate request: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}), nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// replaceFile writes a file so that a kill leaves the old or the new one.
func replaceFile(path string, content []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
