// Package intake is the agents' side of the hub: everything that wire lists,
// taken from agents that a certificate of the hub's own CA names.
package intake

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/wire"
)

// Authority issues certificates and says whose connection it is.
type Authority interface {
	Enrol(ctx context.Context, remote string, r enrol.Request) (enrol.Issued, error)
	Renew(ctx context.Context, peer *x509.Certificate, csr []byte) (enrol.Issued, error)
	Identify(cs *tls.ConnectionState) (server string, err error)
}

// Hearing is told when a server was heard.
type Hearing interface {
	Heard(server string, at time.Time, beat wire.Heartbeat)
}

// Facts keeps what agents know of their servers.
type Facts interface {
	Put(ctx context.Context, f fleet.Fact) (changed bool, err error)
}

// Probes hands targets over and takes what probing them found, and which of
// them the agent does not probe.
type Probes interface {
	Targets(server string) wire.Targets
	TakeRefusals(server string, probes []string)
	TakeResults(ctx context.Context, server string, results wire.ProbeResults) error
}

// Logs takes the lines of a server's files and journal; the payload is
// compressed as wire says.
type Logs interface {
	TakeFrom(ctx context.Context, server string, payload []byte) error
}

// Options are what the intake passes things on to.
type Options struct {
	Authority Authority
	Hearing   Hearing
	Facts     Facts
	Probes    Probes
	Write     http.Handler // metrics; asks ServerOf who sent them
	Logs      Logs
	Changed   func(topic string)
	Log       *slog.Logger
	Now       func() time.Time
}

type intake struct{ Options }

type serverKey struct{}

// ServerOf returns the server that the certificate of the request names.
func ServerOf(r *http.Request) (string, bool) {
	s, ok := r.Context().Value(serverKey{}).(string)
	return s, ok
}

// New returns the handler of the agents' listener: the routes of wire, no other.
func New(o Options) http.Handler {
	in := &intake{o}
	does := map[string]func(http.ResponseWriter, *http.Request, wire.Route) error{
		wire.PathEnrol:     in.enrol,
		wire.PathRenew:     in.renew,
		wire.PathHeartbeat: in.heartbeat,
		wire.PathTargets:   in.targets,
		wire.PathFacts:     in.facts,
		wire.PathProbes:    in.probes,
		wire.PathWrite:     in.write,
		wire.PathLogs:      in.logs,
	}
	mux := http.NewServeMux()
	for _, route := range wire.Routes() {
		do, ok := does[route.Path]
		if !ok {
			panic("intake: nobody takes " + route.Path)
		}
		mux.HandleFunc(route.Method+" "+route.Path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(wire.HeaderVersion, strconv.Itoa(wire.Version))
			if route.Certificate {
				server, err := in.Authority.Identify(r.TLS)
				if err != nil {
					w.Header().Set("Connection", "close")
					in.fail(w, r, err)
					return
				}
				r = r.WithContext(context.WithValue(r.Context(), serverKey{}, server))
			}
			if err := do(w, r, route); err != nil {
				in.fail(w, r, err)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "unknown", "This listener is for agents; it does not take "+r.Method+" "+r.URL.Path+".")
	})
	return mux
}

// bad is a request that sending again does not mend.
type bad struct{ err error }

func (b bad) Error() string { return b.err.Error() }
func (b bad) Unwrap() error { return b.err }

func decode(r *http.Request, route wire.Route, m wire.Message) error {
	if err := wire.Decode(r.Body, route.Limit, m); err != nil {
		return bad{err}
	}
	return nil
}

func (in *intake) fail(w http.ResponseWriter, r *http.Request, err error) {
	var (
		b       bad
		tooMany *enrol.TooMany
	)
	server, _ := ServerOf(r)
	switch {
	case errors.Is(err, wire.ErrTooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "size", err.Error())
	case errors.As(err, &b):
		in.Log.Warn("agent sent what cannot be read", "server", server, "path", r.URL.Path, logattr.Err(err))
		refuse(w, http.StatusBadRequest, "message", err.Error())
	case errors.As(err, &tooMany):
		w.Header().Set("Retry-After", strconv.Itoa(int(tooMany.Retry/time.Second)+1))
		refuse(w, http.StatusTooManyRequests, "rate", "Too many attempts from this address.")
	case errors.Is(err, enrol.ErrRevoked):
		refuse(w, http.StatusForbidden, wire.CodeRevoked, "The certificate is revoked. Enrol this server again with a new token.")
	case errors.Is(err, enrol.ErrNoCertificate):
		refuse(w, http.StatusUnauthorized, "certificate", "This needs a certificate of this hub that has not run out. Enrol this server again with a new token.")
	case errors.Is(err, enrol.ErrToken):
		refuse(w, http.StatusForbidden, wire.CodeToken, "The token is unknown, was used, or is too old. Issue a new one with `vigie agent token SERVER`.")
	case errors.Is(err, enrol.ErrServer):
		refuse(w, http.StatusForbidden, wire.CodeToken, "The operations repository knows no such server, or it is an appliance, which has no agent.")
	case errors.Is(err, enrol.ErrCSR):
		refuse(w, http.StatusBadRequest, "csr", err.Error())
	default:
		if r.Context().Err() == nil {
			in.Log.Error("agent's request failed", "server", server, "path", r.URL.Path, logattr.Err(err))
		}
		refuse(w, http.StatusServiceUnavailable, "later", "The hub could not take this now. Send it again.")
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", wire.TypeJSON)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(wire.Error{Code: code, Message: message}) // the agent went away
}

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", wire.TypeJSON)
	_ = json.NewEncoder(w).Encode(v) // the agent went away; it asks again
	return nil
}
