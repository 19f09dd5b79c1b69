package testfleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const proxyPort = "3142"

// serveProxy lets the servers fetch packages: a forward proxy on the bridge's
// address.
func (f *Fleet) serveProxy(ctx context.Context) error {
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	p := &proxy{dir: filepath.Join(cache, "packages"), client: http.DefaultTransport}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	if p.archives, err = archives(ctx); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(f.Gateway(), proxyPort))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: p} //nolint:gosec // only the test servers reach it, and slow ones are wanted
	f.proxy = server
	f.serving.Go(func() { _ = server.Serve(l) }) // it ends with Close
	return nil
}

// archives are the package archives of this machine.
func archives(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)").Output()
	if err != nil {
		return nil, fmt.Errorf("list the package archives of this machine: %w", err)
	}
	all := strings.Fields(string(out))
	slices.Sort(all)
	return slices.Compact(all), nil
}

// proxy fetches from the archives alone, and keeps what never changes. What
// servers ask for as http it fetches as https where the archive is one of these.
type proxy struct {
	dir      string
	archives []string
	client   http.RoundTripper
}

// from is where a file of an archive is fetched, or nothing if it is of none.
func (p *proxy) from(url string) string {
	rest, ok := strings.CutPrefix(url, "http://")
	for _, a := range p.archives {
		if scheme, archive, _ := strings.Cut(a, "://"); ok && strings.HasPrefix(rest, archive) {
			return scheme + "://" + rest
		}
	}
	return ""
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	url := p.from(r.URL.String())
	if r.Method != http.MethodGet || url == "" {
		http.Error(w, "the test fleet reaches the archives of packages and nothing else", http.StatusForbidden)
		return
	}
	sum := sha256.Sum256([]byte(url))
	file := filepath.Join(p.dir, hex.EncodeToString(sum[:]))
	forever := strings.HasSuffix(url, ".deb") || strings.Contains(url, "/by-hash/")
	if _, err := os.Stat(file); forever && err == nil {
		http.ServeFile(w, r, file)
		return
	}
	if err := p.fetch(w, r, url, file, forever); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
}

// fetch passes an answer on; an error says that nothing was passed on yet.
func (p *proxy) fetch(w http.ResponseWriter, r *http.Request, url, file string, keep bool) error {
	q, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if v := r.Header.Get("If-Modified-Since"); v != "" {
		q.Header.Set("If-Modified-Since", v)
	}
	answer, err := p.client.RoundTrip(q)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	var to io.Writer = w
	var half *os.File
	if keep && answer.StatusCode == http.StatusOK {
		if half, err = os.CreateTemp(p.dir, "half-"); err != nil {
			return err
		}
		defer func() { _ = os.Remove(half.Name()) }()
		to = io.MultiWriter(w, half)
	}
	for k, v := range answer.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.StatusCode)
	n, err := io.Copy(to, answer.Body)
	if half != nil && half.Close() == nil && err == nil && (answer.ContentLength < 0 || n == answer.ContentLength) {
		_ = os.Rename(half.Name(), file) // fetched again next time
	}
	return nil
}
