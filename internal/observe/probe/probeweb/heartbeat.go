package probeweb

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/ui"
)

// beat takes a heartbeat. It answers when the heartbeat is on disk.
func (f *Face) beat(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead { // a look at the address is no sign of life
		return nil
	}
	err := f.o.Probes.Beat(r.Context(), r.PathValue("slug"), r.PathValue("token"))
	if errors.Is(err, probe.ErrNoHeartbeat) {
		return console.NotFound("There is no such heartbeat, or the token is not its own.")
	}
	if err != nil {
		return fmt.Errorf("take a heartbeat: %w", err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok\n") // it is taken, whether or not the sender waits for the answer
	return nil
}

// newAddress makes a token and shows it in the answer to the form, which
// cannot be read again.
func (f *Face) newAddress(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s, err := f.statusOf(r)
		if err != nil {
			return err
		}
		if s.Kind != probe.KindHeartbeat {
			return console.Invalid(s.Probe + " looks by itself; only a heartbeat has an address.")
		}
		if f.o.Audit != nil {
			if err := f.o.Audit(r.Context(), console.Actor(r), "heartbeat.token", "probe:"+s.Probe); err != nil {
				return fmt.Errorf("record that a token is made for %s: %w", s.Probe, err)
			}
		}
		token, err := f.o.Probes.HeartbeatToken(r.Context(), s.Probe)
		if err != nil {
			return fmt.Errorf("make a token for %s: %w", s.Probe, err)
		}
		return c.Render(w, r, console.View{
			Title: "Address", Current: "/probes",
			Crumbs: []ui.Link{{Text: "Probes", Href: "/probes"}, {Text: nameOf(s), Href: probeHref(s.Probe)}},
			Body:   addressBody(s.Probe, f.heartbeatAddress(s.Probe, token)),
		})
	}
}
