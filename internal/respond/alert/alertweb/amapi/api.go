// Package amapi is Alertmanager's API, version 2, in front of the board of
// alerts, so that amtool, other Prometheus servers and their dashboards use
// Vigie as they would use an Alertmanager.
package amapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/vigie-ops/vigie/internal/respond/alert"
)

// Detector names the signals that come in here.
const Detector = "alertmanager"

// resolveTimeout is how long an alert without an end fires unless it is posted
// again, as in an Alertmanager without configuration.
const resolveTimeout = 5 * time.Minute

// maxBody bounds what one request may post.
const maxBody = 16 << 20

// Options is what the API needs beside the board.
type Options struct {
	Log     *slog.Logger
	Now     func() time.Time // time.Now if nil
	Version string
	// Actor names who asks, for the audit; if nil, or if it returns "", the
	// name that the request itself gives counts.
	Actor func(*http.Request) string
}

type api struct {
	b       *alert.Board
	o       Options
	started time.Time
}

// New returns a handler for the paths under /api/v2/.
func New(b *alert.Board, o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Actor == nil {
		o.Actor = func(*http.Request) string { return "" }
	}
	a := &api{b: b, o: o, started: o.Now()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v2/alerts", a.getAlerts)
	mux.HandleFunc("POST /api/v2/alerts", a.postAlerts)
	mux.HandleFunc("GET /api/v2/alerts/groups", a.getGroups)
	mux.HandleFunc("GET /api/v2/silences", a.getSilences)
	mux.HandleFunc("POST /api/v2/silences", a.postSilence)
	mux.HandleFunc("GET /api/v2/silence/{id}", a.getSilence)
	mux.HandleFunc("DELETE /api/v2/silence/{id}", a.deleteSilence)
	mux.HandleFunc("GET /api/v2/status", a.getStatus)
	mux.HandleFunc("GET /api/v2/receivers", a.getReceivers)
	return mux
}

// answer writes v as JSON. An error is a string, as Alertmanager writes them.
func (a *api) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		a.o.Log.Debug("an answer was not taken", "err", err)
	}
}

// fail answers with an error of the board.
func (a *api) fail(w http.ResponseWriter, err error) {
	var invalid *alert.Invalid
	switch {
	case errors.Is(err, alert.ErrNotFound):
		a.answer(w, http.StatusNotFound, err.Error())
	case errors.As(err, &invalid):
		a.answer(w, http.StatusBadRequest, invalid.Message)
	default:
		a.o.Log.Error("the Alertmanager API failed", "err", err)
		a.answer(w, http.StatusInternalServerError, "internal error")
	}
}

// validated is a model that checks itself.
type validated interface {
	Validate(strfmt.Registry) error
}

// read decodes and checks a body; with false it has answered why not.
func (a *api) read(w http.ResponseWriter, r *http.Request, v validated) bool {
	type problem struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(v); err != nil {
		status := http.StatusBadRequest
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			status = http.StatusRequestEntityTooLarge
		}
		a.answer(w, status, problem{status, "parsing body failed: " + err.Error()})
		return false
	}
	if err := v.Validate(strfmt.Default); err != nil {
		a.answer(w, http.StatusUnprocessableEntity, problem{http.StatusUnprocessableEntity, err.Error()})
		return false
	}
	return true
}

// filter reads the matchers of the query; with false it has answered why not.
func (a *api) filter(w http.ResponseWriter, r *http.Request) (labels.Matchers, bool) {
	ms, err := alert.ParseMatchers(r.URL.Query()["filter"]...)
	if err != nil {
		a.answer(w, http.StatusBadRequest, "bad matcher format: "+err.Error())
		return nil, false
	}
	return ms, true
}

// wants reads a parameter that is true unless it is said to be false.
func wants(r *http.Request, name string) bool { return r.URL.Query().Get(name) != "false" }

func (a *api) getStatus(w http.ResponseWriter, _ *http.Request) {
	disabled, original, none := models.ClusterStatusStatusDisabled, "# Vigie: the operations repository says how alerts are grouped and told.\n", ""
	started := strfmt.DateTime(a.started)
	a.answer(w, http.StatusOK, &models.AlertmanagerStatus{
		Uptime:  &started,
		Config:  &models.AlertmanagerConfig{Original: &original},
		Cluster: &models.ClusterStatus{Status: &disabled, Peers: []*models.PeerStatus{}},
		VersionInfo: &models.VersionInfo{
			Version: &a.o.Version, Revision: &none, Branch: &none, BuildUser: &none, BuildDate: &none, GoVersion: &none,
		},
	})
}

func (a *api) getReceivers(w http.ResponseWriter, _ *http.Request) {
	all := []*models.Receiver{}
	seen := map[string]bool{}
	for _, r := range a.b.Policy().Routes {
		for _, t := range r.To {
			if name := receiver(t); !seen[name] {
				seen[name] = true
				all = append(all, &models.Receiver{Name: &name})
			}
		}
	}
	a.answer(w, http.StatusOK, all)
}

// receiver names a target in one word of Alertmanager's.
func receiver(t alert.Target) string {
	switch {
	case t.Person != "":
		return t.Person + "/" + t.Channel
	case t.Team != "":
		return t.Team + "/" + t.Channel
	}
	return t.Channel
}
