package intake

import (
	"errors"
	"io"
	"net/http"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/lib/attempts"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/wire"
)

func (in *intake) enrol(w http.ResponseWriter, r *http.Request, route wire.Route) error {
	var req wire.EnrolRequest
	if err := decode(r, route, &req); err != nil {
		return err
	}
	issued, err := in.Authority.Enrol(r.Context(), attempts.Remote(r.RemoteAddr), enrol.Request{Token: req.Token, CSR: []byte(req.CSR)})
	if err != nil {
		return err
	}
	in.Log.Info("server enrolled", "server", issued.Server, "agent", req.Agent)
	in.Changed("fleet")
	return answer(w, wire.EnrolResponse{Version: wire.Version, Server: issued.Server, Certificate: string(issued.Certificate), CA: string(issued.CA)})
}

func (in *intake) renew(w http.ResponseWriter, r *http.Request, route wire.Route) error {
	var req wire.RenewRequest
	if err := decode(r, route, &req); err != nil {
		return err
	}
	issued, err := in.Authority.Renew(r.Context(), r.TLS.PeerCertificates[0], []byte(req.CSR))
	if err != nil {
		return err
	}
	return answer(w, wire.RenewResponse{Version: wire.Version, Certificate: string(issued.Certificate), CA: string(issued.CA)})
}

func (in *intake) heartbeat(w http.ResponseWriter, r *http.Request, route wire.Route) error {
	var beat wire.Heartbeat
	if err := decode(r, route, &beat); err != nil {
		return err
	}
	server, _ := ServerOf(r)
	now := in.Now()
	in.Hearing.Heard(server, now, beat)
	in.Probes.TakeRefusals(server, beat.Refused)
	in.Changed("server:" + server)
	return answer(w, wire.HeartbeatAnswer{Version: wire.Version, Now: now})
}

func (in *intake) facts(w http.ResponseWriter, r *http.Request, route wire.Route) error {
	var f wire.Facts
	if err := decode(r, route, &f); err != nil {
		return err
	}
	server, _ := ServerOf(r)
	// A clock that is ahead must not make every later fact look old.
	if now := in.Now(); f.At.After(now) {
		f.At = now
	}
	changed, err := in.Facts.Put(r.Context(), fleet.Fact{Server: server, Kind: f.Kind, Hash: f.Hash, At: f.At, Body: f.Body})
	if errors.Is(err, fleet.ErrTooManyKinds) {
		return bad{err}
	}
	if err != nil {
		return err
	}
	if changed {
		in.Changed("server:" + server)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (in *intake) targets(w http.ResponseWriter, r *http.Request, _ wire.Route) error {
	server, _ := ServerOf(r)
	t := in.Probes.Targets(server)
	tag := `"` + t.Commit + `"`
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return answer(w, t)
}

func (in *intake) probes(w http.ResponseWriter, r *http.Request, route wire.Route) error {
	var results wire.ProbeResults
	if err := decode(r, route, &results); err != nil {
		return err
	}
	server, _ := ServerOf(r)
	if err := in.Probes.TakeResults(r.Context(), server, results); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (in *intake) write(w http.ResponseWriter, r *http.Request, route wire.Route) error {
	r.Body = http.MaxBytesReader(w, r.Body, route.Limit)
	in.Write.ServeHTTP(w, r)
	return nil
}

// errLogsType is a batch of lines in another form than wire has.
var errLogsType = errors.New("lines of logs come as " + wire.TypeLogs + ", compressed by " + wire.EncodingLogs)

func (in *intake) logs(w http.ResponseWriter, r *http.Request, route wire.Route) error {
	if r.Header.Get("Content-Type") != wire.TypeLogs || r.Header.Get("Content-Encoding") != wire.EncodingLogs {
		return bad{errLogsType}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, route.Limit))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return wire.ErrTooLarge
	}
	if err != nil {
		return err
	}
	server, _ := ServerOf(r)
	err = in.Logs.TakeFrom(r.Context(), server, body)
	switch {
	case errors.Is(err, record.ErrCorrupt):
		return bad{err}
	case errors.Is(err, record.ErrBusy):
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusTooManyRequests, "busy", err.Error())
		return nil
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
