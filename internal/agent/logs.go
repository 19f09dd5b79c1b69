package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/suggest"
	"github.com/vigie-ops/vigie/internal/observe/logs/logsagent"
	"github.com/vigie-ops/vigie/internal/observe/logs/parse"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/wire"
)

// Logs says which log lines are sent. What it does not name is never read.
type Logs struct {
	Files   []LogFiles `yaml:"files" ops:"doc=files whose lines are sent"`
	Journal *Journal   `yaml:"journal" ops:"doc=sends the journal of systemd"`
}

// LogFiles are files of one kind.
type LogFiles struct {
	Paths     []string `yaml:"paths" ops:"required,min=1,doc=patterns of absolute paths, such as /var/log/nginx/*.log"`
	Exclude   []string `yaml:"exclude" ops:"doc=patterns of what is left out among them"`
	Format    string   `yaml:"format" ops:"doc=how lines are read: auto, access, error, json, logfmt, plain, postgres, redis or syslog; guessed from the path if absent"`
	Class     string   `yaml:"class" ops:"doc=web, application, system, auth, database or one of your own; guessed if absent"`
	Service   string   `yaml:"service" ops:"doc=service.name where a line names none"`
	Multiline string   `yaml:"multiline" ops:"default=traces,doc=traces puts stack traces together; none nothing; anything else is an expression that every line begins with"`
	Container bool     `yaml:"container" ops:"doc=whether the lines are in the envelope of Docker or of a Kubernetes node"`
	History   bool     `yaml:"history" ops:"doc=whether rotated files are read at the first start, also compressed ones"`
	Timezone  string   `yaml:"timezone" ops:"timezone,doc=time zone of times that name none; that of the server if absent"`
}

// Journal is the journal of systemd.
type Journal struct {
	Units []string         `yaml:"units" ops:"doc=only these units; all if absent"`
	Since opsrepo.Duration `yaml:"since" ops:"default=1h,max=365d,doc=how far back at the first start"`
}

func (l Logs) check(wrong func(path, format string, args ...any)) {
	for i, f := range l.Files {
		at := fmt.Sprintf("logs.files.%d", i)
		for k, p := range f.Paths {
			if _, err := filepath.Match(p, ""); err != nil || !filepath.IsAbs(p) {
				wrong(fmt.Sprintf("%s.paths.%d", at, k), "%q is no pattern of an absolute path; write it like /var/log/nginx/*.log", p)
			}
		}
		for k, p := range f.Exclude {
			if _, err := filepath.Match(p, ""); err != nil {
				wrong(fmt.Sprintf("%s.exclude.%d", at, k), "%q is no pattern; write it like *.old", p)
			}
		}
		if f.Format != "" {
			if _, err := parse.New(f.Format, parse.Options{}); err != nil {
				near := ""
				if n, ok := suggest.Nearest(f.Format, parse.Names()); ok {
					near = fmt.Sprintf(" (did you mean %q?)", n)
				}
				wrong(at+".format", "there is no format %q%s; there are %s", f.Format, near, strings.Join(parse.Names(), ", "))
			}
		}
		if f.Class != "" && strings.ContainsFunc(f.Class, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }) {
			wrong(at+".class", "%q is no class; small letters, digits and - are", f.Class)
		}
		if _, err := f.begin(); err != nil {
			wrong(at+".multiline", "%q is neither traces nor none, nor an expression: %v", f.Multiline, err)
		}
	}
}

func (f LogFiles) begin() (*regexp.Regexp, error) {
	if m := cmp.Or(f.Multiline, "traces"); m != "traces" && m != "none" {
		return regexp.Compile(m)
	}
	return nil, nil
}

// files are what the collector of how long files are kept looks at.
func (l Logs) files() []logsagent.Files {
	out := make([]logsagent.Files, 0, len(l.Files))
	for _, f := range l.Files {
		out = append(out, logsagent.Files{Paths: f.Paths, Exclude: f.Exclude, Class: f.Class})
	}
	return out
}

// shipper makes what ships lines to one hub; nil where none are to be sent.
func (l *link) shipper() (*logsagent.Shipper, error) {
	c := l.agent.o.Config.Logs
	if len(c.Files) == 0 && c.Journal == nil {
		return nil, nil
	}
	o := logsagent.Options{
		State: filepath.Join(hubDir(l.agent.o.Config.DataDir, l.hub.Name), "logs.json"), Send: l.sendLogs, Log: l.log,
	}
	for _, f := range c.Files {
		begin, err := f.begin()
		if err != nil {
			return nil, err
		}
		one := logsagent.Files{
			Paths: f.Paths, Exclude: f.Exclude, Format: f.Format, Class: f.Class, Service: f.Service, Begin: begin, Single: f.Multiline == "none",
			Container: f.Container, History: f.History,
		}
		if f.Timezone != "" {
			if one.Zone, err = time.LoadLocation(f.Timezone); err != nil {
				return nil, err
			}
		}
		o.Files = append(o.Files, one)
	}
	if j := c.Journal; j != nil {
		o.Journal = &logsagent.Journal{Units: j.Units, Since: j.Since.Std()}
	}
	return logsagent.New(o)
}

// shipLogs ships lines until ctx is done.
func (l *link) shipLogs(ctx context.Context) {
	var b backoff
	for l.gate.pass(ctx) {
		s, err := l.shipper()
		if s == nil && err == nil {
			<-ctx.Done()
			return
		}
		if err == nil {
			l.logs.Store(s)
			err = s.Run(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		l.quiet.failed("ship logs", err)
		wait(ctx, b.next())
	}
}

// sendLogs hands a batch over.
func (l *link) sendLogs(ctx context.Context, payload []byte) error {
	if !l.gate.pass(ctx) {
		return ctx.Err()
	}
	h := http.Header{}
	h.Set("Content-Type", wire.TypeLogs)
	h.Set("Content-Encoding", wire.EncodingLogs)
	a, err := l.client.do(ctx, http.MethodPost, wire.PathLogs, h, payload, 64<<10)
	switch {
	case err != nil:
		return err
	case a.status/100 == 2:
		return nil
	case isRevoked(a):
		l.revoke(a)
		return errors.New("the certificate is revoked")
	case isFinal(a.status):
		return fmt.Errorf("the hub answered %d: %s: %w", a.status, a.problem().Message, logsagent.ErrRefused)
	}
	return fmt.Errorf("the hub answered %d: %s", a.status, a.problem().Message)
}
