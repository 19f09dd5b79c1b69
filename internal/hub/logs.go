package hub

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/logs/access"
	"github.com/vigie-ops/vigie/internal/observe/logs/elasticapi"
	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/people"
)

// Logs says where log lines are taken in, beside from agents. Nothing listens
// until it is told to.
type Logs struct {
	Size          int64     `yaml:"size_bytes" ops:"min=0,doc=the oldest lines go when all take more; 0 for no limit"`
	Tokens        string    `yaml:"tokens" ops:"doc=file of tokens that are good for logs alone; a line each: NAME write,instance:SLUG TOKEN"`
	Documents     []string  `yaml:"documents" ops:"default=elastalert_status*,doc=indices that programs which search logs keep for themselves, whose documents they may replace and delete; patterns that begin with a name of three letters at least"`
	Elasticsearch LogListen `yaml:"elasticsearch" ops:"doc=shippers that write to an Elasticsearch, and programs that search one"`
	OTLP          LogListen `yaml:"otlp" ops:"doc=OTLP/HTTP, POST /v1/logs"`
	Loki          LogListen `yaml:"loki" ops:"doc=what pushes to a Loki, POST /loki/api/v1/push"`
	Syslog        Syslog    `yaml:"syslog" ops:"doc=syslog of servers and appliances that the operations repository names"`
}

// LogListen is a listener of logs over HTTP.
type LogListen struct {
	Listen string `yaml:"listen" ops:"doc=HOST:PORT, such as 127.0.0.1:9200"`
	TLS    *TLS   `yaml:"tls" ops:"doc=certificate; without it tokens pass in the clear"`
}

// Syslog are the listeners of syslog.
type Syslog struct {
	TCP         string `yaml:"tcp" ops:"doc=HOST:PORT, such as 0.0.0.0:514"`
	UDP         string `yaml:"udp" ops:"doc=HOST:PORT, such as 0.0.0.0:514"`
	TLS         string `yaml:"tls" ops:"doc=HOST:PORT, such as 0.0.0.0:6514; needs certificate"`
	Certificate *TLS   `yaml:"certificate" ops:"doc=certificate of the TLS listener"`
}

// each calls f with every listener of logs that is named.
func (l Logs) each(f func(path, address string)) {
	for _, one := range []struct{ path, address string }{
		{"logs.elasticsearch.listen", l.Elasticsearch.Listen}, {"logs.otlp.listen", l.OTLP.Listen}, {"logs.loki.listen", l.Loki.Listen},
		{"logs.syslog.tcp", l.Syslog.TCP}, {"logs.syslog.udp", l.Syslog.UDP}, {"logs.syslog.tls", l.Syslog.TLS},
	} {
		if one.address != "" {
			f(one.path, one.address)
		}
	}
}

// openLogs opens the room of logs.
func (h *Hub) openLogs(context.Context) error {
	c := h.o.Config.Logs
	var err error
	if c.Tokens != "" {
		if h.logTokens, err = access.Load(c.Tokens); err != nil {
			return err
		}
	}
	h.logs, err = logs.Open(logs.Options{
		DB: h.state, Documents: c.Documents, Dir: filepath.Join(h.o.Config.Data, "logs"), Total: c.Size, Sink: h.board, Registry: h.registry, Log: h.log, Now: h.o.Now,
	})
	if err != nil {
		return err
	}
	h.onClose(h.logs.Close)
	for _, s := range h.logs.Services() {
		h.services = append(h.services, s)
	}
	return nil
}

// openLogListeners listens for what sends and asks for lines over HTTP, and for
// syslog.
func (h *Hub) openLogListeners(ctx context.Context) error {
	c := h.o.Config.Logs
	h.logAddrs = map[string]net.Addr{}
	for _, one := range []struct {
		name string
		at   LogListen
	}{{"elasticsearch", c.Elasticsearch}, {"otlp", c.OTLP}, {"loki", c.Loki}} {
		if one.at.Listen == "" {
			continue
		}
		l, err := h.listenFor(ctx, one.name, one.at.Listen)
		if err != nil {
			return err
		}
		w := &web{name: one.name, hub: h, listener: l, server: h.newServer(h.logHandler())}
		w.server.ReadTimeout = 0 // journald keeps its request open
		if w.tls, err = h.serverTLS(one.at.TLS); err != nil {
			return err
		}
		h.webs = append(h.webs, w)
	}
	return h.openSyslog(ctx)
}

func (h *Hub) listenFor(ctx context.Context, name, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	h.logAddrs[name] = l.Addr()
	h.onClose(func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}

func (h *Hub) serverTLS(t *TLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	cert := &certificate{files: *t}
	if _, err := cert.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// listening is a service of one listener.
type listening struct {
	name string
	run  func(ctx context.Context) error
}

// Name implements Service.
func (l listening) Name() string { return l.name }

// Run implements Service.
func (l listening) Run(ctx context.Context) error { return l.run(ctx) }

func (h *Hub) openSyslog(ctx context.Context) error {
	c := h.o.Config.Logs.Syslog
	s := &ingest.Syslog{In: h.logs.Intake(), Who: ingest.KnownOnly(h.logs.ServerAt)}
	for name, address := range map[string]string{"syslog_tcp": c.TCP, "syslog_tls": c.TLS} {
		if address == "" {
			continue
		}
		l, err := h.listenFor(ctx, name, address)
		if err != nil {
			return err
		}
		if name == "syslog_tls" {
			config, err := h.serverTLS(c.Certificate)
			if err != nil {
				return err
			}
			config.NextProtos = nil
			l = tls.NewListener(l, config)
		}
		h.webs = append(h.webs, listening{name, func(ctx context.Context) error { return s.Serve(ctx, l) }})
	}
	if c.UDP == "" {
		return nil
	}
	pc, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", c.UDP)
	if err != nil {
		return fmt.Errorf("syslog_udp: %w", err)
	}
	h.logAddrs["syslog_udp"] = pc.LocalAddr()
	h.onClose(func() error {
		if err := pc.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	h.webs = append(h.webs, listening{"syslog_udp", func(ctx context.Context) error { return s.ServePacket(ctx, pc) }})
	return nil
}

// LogAddr is where a way of logs is taken in: elasticsearch, otlp, loki,
// syslog_tcp, syslog_udp or syslog_tls; nil where nobody listens.
func (h *Hub) LogAddr(way string) net.Addr { return h.logAddrs[way] }

// logHandler answers all ways of logs over HTTP, so that one listener is enough
// for whoever wants one.
func (h *Hub) logHandler() http.Handler {
	in := h.logs.Intake()
	write := h.mayWrite(in.Elasticsearch().ServeHTTP)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/logs", h.mayWrite(in.OTLP))
	mux.HandleFunc("POST /loki/api/v1/push", h.mayWrite(in.Loki))
	mux.HandleFunc("POST /upload", h.mayWrite(in.Journal))
	mux.HandleFunc("POST /ndjson", h.mayWrite(in.NDJSON))
	mux.HandleFunc("GET /{$}", h.elasticInfo)
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ready\n")) })
	elasticapi.Register(mux, h.mayRead, elasticapi.Options{
		Store: h.logs.Store(), Now: h.o.Now, Owners: func(r *http.Request) func(record.Owner) bool { return ingest.From(r.Context()).Owners },
		Documents: h.logs.Documents(), MayWrite: h.mayWrite, Write: write,
	})
	mux.HandleFunc("/", write)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := h.logAccess(r)
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Basic realm="vigie", charset="UTF-8"`)
			(&ingest.ElasticError{Status: http.StatusUnauthorized, Type: "security_exception", Reason: err.Error()}).Write(w)
			return
		}
		ctx := context.WithValue(ingest.With(r.Context(), who.Sender), logAccessKey{}, who)
		if _, pattern := mux.Handler(r); pattern == "" { // no such path, or not with this method
			ingest.Unknown(w, r)
			return
		}
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
}

type logAccessKey struct{}

// logAccess is who speaks to a listener of logs, and what they may.
type logAccess struct {
	ingest.Sender
	read, write bool
}

var (
	errLogToken = errors.New("missing authentication credentials: send a token of logs.tokens as bearer, API key, or password of its name")
	errMayWrite = &ingest.ElasticError{Status: http.StatusForbidden, Type: "security_exception", Reason: "this token may not write lines; one of an operator may, or one of logs.tokens with write"}
	errMayRead  = &ingest.ElasticError{Status: http.StatusForbidden, Type: "security_exception", Reason: "this token may not read lines; one of logs.tokens with read may"}
)

func (h *Hub) mayWrite(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if who, _ := r.Context().Value(logAccessKey{}).(logAccess); !who.write {
			errMayWrite.Write(w)
			return
		}
		f(w, r)
	}
}

func (h *Hub) mayRead(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if who, _ := r.Context().Value(logAccessKey{}).(logAccess); !who.read {
			errMayRead.Write(w)
			return
		}
		f(w, r)
	}
}

// logAccess says who speaks: a token of logs alone, or one of the hub's own.
func (h *Hub) logAccess(r *http.Request) (logAccess, error) {
	if t, ok := h.logTokens.Find(r); ok {
		return logAccess{ingest.Sender{Name: t.Name, Server: t.Server(), Owners: t.Owners()}, t.Read, t.Write}, nil
	}
	if r.Header.Get("Authorization") == "" {
		return logAccess{}, errLogToken // never a session: a browser has no business here
	}
	actor, _, err := h.accounts.Authenticate(r)
	if err != nil {
		return logAccess{}, errLogToken
	}
	return logAccess{ingest.Sender{Name: actor.Slug}, true, actor.Role.Allows(people.Operator)}, nil
}

// auditLogs writes down what the one who acts did about logs.
func (h *Hub) auditLogs(ctx context.Context, verb, object, reason string, details map[string]any) error {
	return h.state.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return auditor{h.audit}.Record(ctx, tx, verb, object, reason, details)
	})
}

// elasticInfo answers GET /: clients look whether they speak to an Elasticsearch
// of a version that they know.
func (h *Hub) elasticInfo(w http.ResponseWriter, _ *http.Request) {
	ingest.ElasticHeader(w)
	_ = json.NewEncoder(w).Encode(map[string]any{ // of a client that went away nobody wants to know
		"name": "vigie", "cluster_name": "vigie", "cluster_uuid": "vigie",
		"version": map[string]any{
			"number": "8.17.0", "build_flavor": "default", "build_type": "vigie", "build_hash": h.o.Version, "build_date": "2026-01-01T00:00:00Z", "build_snapshot": false,
			"lucene_version": "9.12.0", "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
		},
		"tagline": "You Know, for Search",
	})
}
