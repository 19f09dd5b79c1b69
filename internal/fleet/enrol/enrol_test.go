package enrol_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/keyring"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/wire"
)

var nadia = people.Actor{Slug: "nadia", Name: "Nadia", Role: people.Admin, Via: people.ViaSession}

// house is a hub's state with the servers app-01, app-02 and the appliance
// fw-01 in its fleet, and a clock of its own.
type house struct {
	*enrol.Authority
	t     *testing.T
	db    *db.DB
	audit *audit.Log

	mu    sync.Mutex
	clock time.Time
	fleet map[string]bool // whether it is an appliance
}

func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, []db.Schema{audit.Tables, keyring.Tables, enrol.Tables}, func(t *testing.T, d *db.DB) {
		f(t, open(t, d))
	})
}

func open(t *testing.T, d *db.DB) *house {
	t.Helper()
	h := &house{
		t: t, db: d, audit: audit.New(d), clock: time.Now(),
		fleet: map[string]bool{"app-01": false, "app-02": false, "fw-01": true},
	}
	keys, err := keyring.Open(t.Context(), d, []byte("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="))
	if err != nil {
		t.Fatalf("open keyring: %v", err)
	}
	h.Authority, err = enrol.Open(t.Context(), enrol.Options{
		DB: d, Keys: keys, Audit: h.audit, Log: slog.New(slog.DiscardHandler), Now: h.now,
		Server: func(slug string) (appliance, known bool) {
			h.mu.Lock()
			defer h.mu.Unlock()
			appliance, known = h.fleet[slug]
			return appliance, known
		},
	})
	if err != nil {
		t.Fatalf("open authority: %v", err)
	}
	return h
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

func (h *house) remove(server string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.fleet, server)
}

func (h *house) token(server string) string {
	h.t.Helper()
	token, err := h.IssueToken(h.t.Context(), server, 0, nadia)
	if err != nil {
		h.t.Fatalf("token for %s: %v", server, err)
	}
	return token
}

// agent is a server's key with its certificate.
type agent struct {
	key  crypto.Signer
	cert *x509.Certificate
	pool *x509.CertPool
}

func (h *house) enrol(server string) agent {
	h.t.Helper()
	key := newKey(h.t)
	h.pass(time.Minute) // so that no test meets the limit by chance
	issued, err := h.Enrol(h.t.Context(), "192.0.2.1:99", enrol.Request{Token: h.token(server), CSR: csr(h.t, key, "")})
	if err != nil {
		h.t.Fatalf("enrol %s: %v", server, err)
	}
	return agentOf(h.t, key, issued)
}

func agentOf(t *testing.T, key crypto.Signer, issued enrol.Issued) agent {
	t.Helper()
	block, _ := pem.Decode(issued.Certificate)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatalf("read certificate: %v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(issued.CA) {
		t.Fatal("the authority's certificate cannot be read")
	}
	return agent{key, cert, pool}
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// csr asks for far more than anybody gets: another name, other addresses.
func csr(t *testing.T, key crypto.Signer, name string) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{"hub"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		URIs: []*url.URL{{Scheme: "vigie", Host: "server", Path: "/" + name}},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func TestAnEnrolledServerGetsACertificateThatSaysOnlyWhoItIs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		key := newKey(t)
		issued, err := h.Enrol(t.Context(), "192.0.2.1:99", enrol.Request{Token: h.token("app-01"), CSR: csr(t, key, "app-02")})
		if err != nil {
			t.Fatal(err)
		}
		c := agentOf(t, key, issued).cert
		if issued.Server != "app-01" || c.Subject.String() != "CN=app-01" || len(c.URIs) != 1 || c.URIs[0].String() != "vigie://server/app-01" {
			t.Errorf("it is for %s, %s, %v; want app-01", issued.Server, c.Subject, c.URIs)
		}
		if len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses) != 0 || c.IsCA {
			t.Errorf("it says more than that: %v %v, CA %v", c.DNSNames, c.IPAddresses, c.IsCA)
		}
		if len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
			t.Errorf("it is good for %v, want for clients alone", c.ExtKeyUsage)
		}
		if left := c.NotAfter.Sub(h.now()); left > enrol.Lifetime || left < enrol.Lifetime-time.Minute {
			t.Errorf("it holds for %s, want 30 days", left)
		}
		if n := c.SerialNumber.BitLen(); n < 120 {
			t.Errorf("its serial has %d bits", n)
		}
		list, err := h.CertificatesOf(t.Context(), "app-01")
		if err != nil || len(list) != 1 || list[0].How != "enrolled" || !list[0].Revoked.IsZero() || !list[0].NotAfter.Equal(c.NotAfter) {
			t.Errorf("the list says %+v, %v", list, err)
		}
	})
}

func TestATokenWorksOnceForOneServerAndNotForEver(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		try := func(token string, want error) {
			t.Helper()
			h.pass(30 * time.Second)
			_, err := h.Enrol(t.Context(), "192.0.2.1:99", enrol.Request{Token: token, CSR: csr(t, newKey(t), "")})
			if !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		once := h.token("app-01")
		parsed, err := wire.ParseToken(once)
		if err != nil {
			t.Fatalf("an agent cannot read the token: %v", err)
		}
		block, _ := pem.Decode(h.CA())
		if want := wire.Fingerprint(block.Bytes); parsed.Fingerprint != want {
			t.Errorf("the token pins %s, want %s", parsed.Fingerprint, want)
		}
		other := parsed
		other.Server = "app-02"
		try(other.String(), enrol.ErrToken)
		other = parsed
		other.Secret = strings.Repeat("A", 43)
		try(other.String(), enrol.ErrToken)
		try("", enrol.ErrToken)
		try("vigie1.app-01", enrol.ErrToken)
		for _, server := range []string{"app-01\x00", "\xff", "' OR 1=1 --"} {
			other = parsed
			other.Server = server
			try(other.String(), enrol.ErrToken)
		}
		try(once, nil)
		try(once, enrol.ErrToken)

		old := h.token("app-01")
		h.pass(time.Hour)
		try(old, enrol.ErrToken)

		gone := h.token("app-02")
		h.remove("app-02")
		try(gone, enrol.ErrServer)

		var open string
		if err := h.db.Read().NewRaw(`SELECT hash FROM enrol_token WHERE server = 'app-02'`).Scan(t.Context(), &open); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(gone, open) {
			t.Error("the state holds the token itself")
		}
	})
}

func TestOfManyWithOneTokenOneGetsIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		token := h.token("app-01")
		request := enrol.Request{Token: token, CSR: csr(t, newKey(t), "")}
		var in, out int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := h.Enrol(t.Context(), "192.0.2.1:99", request)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					in++
				case errors.Is(err, enrol.ErrToken):
					out++
				default:
					t.Errorf("enrol: %v", err)
				}
			})
		}
		wg.Wait()
		if in != 1 || out != 7 {
			t.Errorf("%d got in and %d did not, want 1 and 7", in, out)
		}
	})
}

func TestTokensAreForServersThatCanHaveAnAgent(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, server := range []string{"fw-01", "unknown", ""} {
			if _, err := h.IssueToken(t.Context(), server, 0, nadia); !errors.Is(err, enrol.ErrServer) {
				t.Errorf("%q: got %v, want %v", server, err, enrol.ErrServer)
			}
		}
		for _, ttl := range []time.Duration{-time.Hour, time.Second, 8 * 24 * time.Hour} {
			if _, err := h.IssueToken(t.Context(), "app-01", ttl, nadia); err == nil {
				t.Errorf("a token of %s was made", ttl)
			}
		}
	})
}

func TestARequestIsOfAGoodKeyAndSigned(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged, _ := pem.Decode(csr(t, newKey(t), ""))
	forged.Bytes[len(forged.Bytes)-1] ^= 1
	each(t, func(t *testing.T, h *house) {
		for _, c := range []struct {
			name string
			csr  []byte
			want error
		}{
			{"ed25519", csr(t, ed, ""), nil},
			{"p384", csr(t, p384, ""), enrol.ErrCSR},
			{"rsa", csr(t, r, ""), enrol.ErrCSR},
			{"forged", pem.EncodeToMemory(forged), enrol.ErrCSR},
			{"nothing", nil, enrol.ErrCSR},
			{"a certificate", h.CA(), enrol.ErrCSR},
			{"huge", append(csr(t, ed, ""), make([]byte, 1<<20)...), enrol.ErrCSR},
		} {
			token := h.token("app-01")
			h.pass(time.Minute)
			_, err := h.Enrol(t.Context(), "192.0.2.1:99", enrol.Request{Token: token, CSR: c.csr})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			}
			if c.want != nil {
				if _, err := h.Enrol(t.Context(), "192.0.2.1:99", enrol.Request{Token: token, CSR: csr(t, ed, "")}); err != nil {
					t.Errorf("%s used the token up: %v", c.name, err)
				}
			}
		}
	})
}

func TestGuessingTokensIsSlow(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		good := h.token("app-01")
		request := enrol.Request{Token: good[:10] + "x" + good[11:], CSR: csr(t, newKey(t), "")}
		var many *enrol.TooMany
		for range 11 {
			if _, err := h.Enrol(t.Context(), "192.0.2.66:99", request); errors.As(err, &many) {
				break
			}
		}
		if many == nil || many.Retry <= 0 {
			t.Fatalf("eleven guesses were answered: %v", many)
		}
		request.Token = good
		if _, err := h.Enrol(t.Context(), "192.0.2.66:100", request); !errors.As(err, &many) {
			t.Errorf("from the same address: got %v, want %v", err, many)
		}
		if _, err := h.Enrol(t.Context(), "192.0.2.1:99", request); err != nil {
			t.Errorf("from another address: %v", err)
		}
	})
}

func TestTheAuthorityIsMadeOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		again := open(t, h.db)
		if string(again.CA()) != string(h.CA()) {
			t.Error("after a start the authority is another one")
		}
		var rows []string
		if err := h.db.Read().NewRaw(`SELECT sealed FROM keyring_key`).Scan(t.Context(), &rows); err != nil || len(rows) != 1 {
			t.Errorf("the keyring holds %d keys, want 1 (%v)", len(rows), err)
		}
	})
}

func TestRenewalIsForTheServerOfTheCertificate(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		old := h.enrol("app-01")
		h.pass(20 * 24 * time.Hour)
		issued, err := h.Renew(t.Context(), old.cert, csr(t, newKey(t), "app-02"))
		if err != nil || issued.Server != "app-01" {
			t.Fatalf("renewed for %q, %v; want app-01", issued.Server, err)
		}
		all, err := h.Enrolled(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("enrolled: %v, %v", all, err)
		}
		e := all["app-01"]
		if e.Last.Sub(e.First) != 20*24*time.Hour || !e.NotAfter.Equal(issued.NotAfter) || e.Revoked {
			t.Errorf("got %+v, want 20 days between first and last", e)
		}
		h.pass(11 * 24 * time.Hour)
		if _, err := h.Renew(t.Context(), old.cert, csr(t, newKey(t), "")); err == nil {
			t.Error("an expired certificate was renewed")
		}
		fresh := agentOf(t, newKey(t), issued)
		h.remove("app-01")
		if _, err := h.Renew(t.Context(), fresh.cert, csr(t, newKey(t), "")); !errors.Is(err, enrol.ErrServer) {
			t.Errorf("a server that left: got %v, want %v", err, enrol.ErrServer)
		}
	})
}

func TestARevokedCertificateIsNotRenewedByAnotherHubEither(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.enrol("app-01")
		second := open(t, h.db)
		if err := h.RevokeServer(t.Context(), "app-01", nadia, "stolen"); err != nil {
			t.Fatal(err)
		}
		for name, hub := range map[string]*house{"this hub": h, "a hub that runs": second, "a hub that starts": open(t, h.db)} {
			if _, err := hub.Renew(t.Context(), a.cert, csr(t, newKey(t), "")); !errors.Is(err, enrol.ErrRevoked) {
				t.Errorf("%s: got %v, want %v", name, err, enrol.ErrRevoked)
			}
		}
		if err := h.RevokeServer(t.Context(), "app-01", nadia, "again"); !errors.Is(err, enrol.ErrNotFound) {
			t.Errorf("again: got %v, want %v", err, enrol.ErrNotFound)
		}
		all, err := h.Enrolled(t.Context())
		if err != nil || !all["app-01"].Revoked || !all["app-01"].NotAfter.IsZero() {
			t.Errorf("the list says %+v, %v", all, err)
		}
	})
}

func TestEveryActIsInTheAuditTrail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		token := h.token("app-01")
		issued, err := h.Enrol(t.Context(), "192.0.2.1:99", enrol.Request{Token: token, CSR: csr(t, newKey(t), "")})
		if err != nil {
			t.Fatal(err)
		}
		a := agentOf(t, newKey(t), issued)
		if _, err := h.Renew(t.Context(), a.cert, csr(t, newKey(t), "")); err != nil {
			t.Fatal(err)
		}
		if err := h.RevokeServer(t.Context(), "app-01", nadia, "stolen"); err != nil {
			t.Fatal(err)
		}
		p, err := h.audit.List(t.Context(), audit.Filter{Object: "server:app-01"}, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range p.Items {
			got = append(got, e.Actor+" "+e.Verb)
		}
		want := "nadia agent.revoke, server:app-01 agent.renew, server:app-01 agent.enrol, nadia agent.invite"
		if strings.Join(got, ", ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

func TestRevocationsOfOtherHubsAreLearned(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a := h.enrol("app-01")
		second := open(t, h.db)
		if err := second.RevokeCertificate(t.Context(), serial(a), nadia, "stolen"); err != nil {
			t.Fatal(err)
		}
		if err := enrol.LoadRevoked(t.Context(), h.Authority); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Identify(state(a)); !errors.Is(err, enrol.ErrRevoked) {
			t.Errorf("got %v, want %v", err, enrol.ErrRevoked)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.Run(ctx); err != nil {
			t.Errorf("run ends with %v", err)
		}
	})
}

// otherState is the state of another hub.
func otherState(t *testing.T) *db.DB {
	t.Helper()
	return dbtest.Open(t, dbtest.SQLite(t), audit.Tables, keyring.Tables, enrol.Tables)
}

func BenchmarkIdentify(b *testing.B) {
	d := dbtest.Open(b, dbtest.SQLite(b), audit.Tables, keyring.Tables, enrol.Tables)
	keys, err := keyring.Open(b.Context(), d, []byte("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="))
	if err != nil {
		b.Fatal(err)
	}
	a, err := enrol.Open(b.Context(), enrol.Options{
		DB: d, Keys: keys, Audit: audit.New(d), Log: slog.New(slog.DiscardHandler),
		Server: func(string) (bool, bool) { return false, true },
	})
	if err != nil {
		b.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: new(big.Int).Lsh(big.NewInt(12345), 100), NotAfter: time.Now().Add(time.Hour),
		Subject: pkix.Name{CommonName: "app-01"}, URIs: []*url.URL{{Scheme: "vigie", Host: "server", Path: "/app-01"}},
	}
	cs := state(agent{cert: cert})
	for b.Loop() {
		if _, ok := a.ServerFrom(cs); !ok {
			b.Fatal("not known")
		}
	}
}
