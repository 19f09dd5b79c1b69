// Package demo runs the whole product on one machine with real data of it: a
// hub, an agent, an operations repository, sample instances that can be
// broken and mended, and a mailbox that takes what would be sent.
package demo

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/demo/localops"
	"github.com/vigie-ops/vigie/internal/demo/mailbox"
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/people"
)

// Options are what a demo is started with.
type Options struct {
	Listen  string // address of the console; loopback
	Data    string // absolute folder that keeps everything
	Fleet   string // file of servers beside this machine; none if empty
	Program string // this program, to start sample instances with
	Version string
	Out     io.Writer // for the person who started it
	Log     *slog.Logger
}

// Endpoints is what DIR/endpoints.json holds while everything accepts.
type Endpoints struct {
	Console string `json:"console"`
	Agents  string `json:"agents"`
	SMTP    string `json:"smtp"`
	// Where log lines are taken in.
	Elasticsearch string `json:"elasticsearch"`
	SyslogTCP     string `json:"syslog_tcp"`
	SyslogUDP     string `json:"syslog_udp"`
	OTLP          string `json:"otlp"`
	Loki          string `json:"loki"`
}

// demo is a running demo.
type demo struct {
	Options
	ports   *ports
	token   string
	agents  string            // address of the agents' listener
	logs    map[string]string // addresses of the listeners of logs
	mailbox *mailbox.Box
	mails   net.Listener
	samples []*sample
	fleet   localops.Fleet
	hub     *hub.Hub
	console *console.Console
}

// Run runs a demo until ctx is done. The same folder finds everything again.
func Run(ctx context.Context, o Options) (err error) {
	if err := checkLoopback(o.Listen); err != nil {
		return err
	}
	d := &demo{Options: o}
	if o.Fleet != "" {
		if d.fleet, err = localops.ReadFleet(o.Fleet, localops.MachineSlug()); err != nil {
			return err
		}
	}
	endpoints := filepath.Join(o.Data, "endpoints.json")
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	unlock, err := hub.LockFolder(o.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	// What an earlier demo that was killed left behind says nothing true, and
	// programs wait for it to be there.
	if err := os.Remove(endpoints); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	h, err := hub.New(ctx, hub.Options{
		Config: d.config(), Version: o.Version, Log: o.Log, Extend: d.extend,
		ProbeGrace: -1, // what is broken right after the start is to be seen at once
	})
	if err != nil {
		return err
	}
	d.hub = h
	defer func() { err = errors.Join(err, h.Close()) }()
	for _, s := range d.samples {
		if err := s.start(); err != nil {
			return err
		}
		defer s.kill()
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel(nil)
	part := func(what string, run func(ctx context.Context) error) {
		parts.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	part("mailbox", func(ctx context.Context) error { return d.mailbox.Serve(ctx, d.mails) })
	part("hub", h.Run)
	if err := h.WaitReady(ctx); err != nil {
		return err
	}
	if err := h.WaitOperations(ctx); err != nil {
		return err
	}
	// Whoever starts the demo wrote none of its files, and is asked about every
	// later commit.
	if err := h.Runs().Begin(ctx, "the example that the demo begins with"); err != nil {
		return err
	}
	run, err := d.agent(ctx)
	if err != nil {
		return err
	}
	part("agent", run)
	web, err := d.openNginx(ctx)
	if err != nil {
		return err
	}
	if web != nil {
		part("nginx", web.run)
	}
	if err := d.announce(ctx, endpoints); err != nil {
		return err
	}
	<-ctx.Done()
	if err := os.Remove(endpoints); err != nil {
		o.Log.Warn("endpoints.json could not be removed", logattr.Err(err))
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--listen %s is no address; write HOST:PORT, such as 127.0.0.1:8080", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen %s is open to others; the demo speaks plain HTTP and listens on loopback only", address)
	}
	return nil
}

// prepare makes what must be there before the hub: secrets, ports, the
// operations repository, the mailbox.
func (d *demo) prepare(ctx context.Context) (err error) {
	if d.ports, err = openPorts(d.Data); err != nil {
		return err
	}
	if _, err := d.secret("master.key"); err != nil {
		return err
	}
	if d.token, err = d.secret("admin-token"); err != nil {
		return err
	}
	if err := writeAtomically(d.path("tokens"), []byte("demo admin "+d.token+"\n"), 0o600); err != nil {
		return err
	}
	if d.mailbox, err = mailbox.Open(d.path("mail"), func() { d.console.Events().Publish("mail") }); err != nil {
		return err
	}
	if d.agents, err = d.ports.address(ctx, "agents"); err != nil {
		return err
	}
	d.logs = map[string]string{}
	for _, way := range []string{"elasticsearch", "syslog", "otlp", "loki"} {
		if d.logs[way], err = d.ports.address(ctx, way); err != nil {
			return err
		}
	}
	smtp, err := d.ports.address(ctx, "smtp")
	if err != nil {
		return err
	}
	if d.mails, err = (&net.ListenConfig{}).Listen(ctx, "tcp", smtp); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s, which this demo has for mails, is taken by another program; stop it, or remove %s to choose new ports", smtp, d.ports.file)
		}
		return fmt.Errorf("listen for mails: %w", err)
	}
	return d.prepareOperations(ctx)
}

func (d *demo) path(name string) string { return filepath.Join(d.Data, name) }

// secret reads a secret of the demo, and makes it up at the first start.
func (d *demo) secret(name string) (string, error) {
	b, err := os.ReadFile(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw) // never fails, crypto/rand says
		b = []byte(base64.RawURLEncoding.EncodeToString(raw))
		err = writeAtomically(d.path(name), b, 0o600)
	}
	return string(b), err
}

// announce tells programs by a file, and the person by a line, that everything
// accepts.
func (d *demo) announce(ctx context.Context, file string) error {
	e := Endpoints{
		Console: d.hub.ConsoleURL(),
		Agents:  "https://" + d.hub.AgentsAddr().String(),
		SMTP:    "smtp://" + d.mails.Addr().String(),

		Elasticsearch: "http://" + d.hub.LogAddr("elasticsearch").String(),
		SyslogTCP:     d.hub.LogAddr("syslog_tcp").String(),
		SyslogUDP:     d.hub.LogAddr("syslog_udp").String(),
		OTLP:          "http://" + d.hub.LogAddr("otlp").String(),
		Loki:          "http://" + d.hub.LogAddr("loki").String(),
	}
	b, err := json.MarshalIndent(e, "", "\t")
	if err != nil {
		return err
	}
	if err := writeAtomically(file, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return d.greet(ctx, e.Console)
}

// greet prints how to sign in; where there are servers to deploy to, also as the
// second person that there must be where one asks and another approves. Whoever
// reads it can read the folder with the administrator's token, so that it gives
// nothing away.
func (d *demo) greet(ctx context.Context, console string) error {
	first, second := d.persons()
	link, err := d.hub.Accounts().SignInLink(ctx, first.Slug)
	if err != nil {
		return fmt.Errorf("make a sign-in link: %w", err)
	}
	fmt.Fprintf(d.Out, "Vigie runs. Open this link once to sign in, within 15 minutes:\n\n  %s/link/%s\n\n", console, link)
	if d.Fleet != "" && second.Slug != "" {
		if link, err = d.hub.Accounts().SignInLink(ctx, second.Slug); err != nil {
			return fmt.Errorf("make a sign-in link: %w", err)
		}
		fmt.Fprintf(d.Out, "You are %s there. What you ask for, somebody else approves: this is the link of %s, for a private window.\n\n  %s/link/%s\n\n", first.Name, second.Name, console, link)
	}
	fmt.Fprintf(d.Out, "Everything it keeps is in %s. Stop it with Ctrl-C.\n", d.Data)
	return nil
}

// persons are who the sign-in links are for: an administrator of the
// repository, and an operator if there is one.
func (d *demo) persons() (first, second people.Person) {
	for _, p := range d.hub.Staff().Current().People() {
		switch {
		case p.Role == people.Admin && first.Slug == "":
			first = p
		case p.Role == people.Operator && second.Slug == "":
			second = p
		}
	}
	return first, second
}
