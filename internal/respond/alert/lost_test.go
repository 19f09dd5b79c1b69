package alert_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// line is the way to a PostgreSQL, which can break at the worst moment.
type line struct {
	listener net.Listener
	server   string
	lose     atomic.Bool // the answer to the next commit
	open     sync.WaitGroup
}

// newLine returns a line to the PostgreSQL of a URL, and the URL through it.
func newLine(t *testing.T, server string) (*line, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{server: u.Host}
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.open.Go(func() {
		for {
			c, err := l.listener.Accept()
			if err != nil {
				return
			}
			l.open.Go(func() { l.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.listener.Close()
		l.open.Wait()
	})
	u.Host = l.listener.Addr().String()
	return l, u.String()
}

// carry carries one connection. When it loses the answer to a commit, the
// server has given it: the commit took place.
func (l *line) carry(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		return
	}
	var lost atomic.Bool
	l.open.Go(func() {
		defer func() { _ = server.Close() }()
		b := make([]byte, 64<<10)
		for {
			n, err := client.Read(b)
			if bytes.Contains(bytes.ToLower(b[:n]), []byte("commit\x00")) && l.lose.CompareAndSwap(true, false) {
				lost.Store(true)
			}
			if _, werr := server.Write(b[:n]); err != nil || werr != nil {
				return
			}
		}
	})
	b := make([]byte, 64<<10)
	for {
		n, err := server.Read(b)
		if lost.Load() {
			return
		}
		if _, werr := io.Copy(client, bytes.NewReader(b[:n])); err != nil || werr != nil {
			return
		}
	}
}

// TestACommitWhoseAnswerIsLostCounts breaks the line after PostgreSQL committed
// and before the board heard of it. A file has no such line.
func TestACommitWhoseAnswerIsLostCounts(t *testing.T) {
	c := dbtest.Postgres(t)
	l, through := newLine(t, c.URL)
	c.URL = through
	h := &harness{t: t, ctx: context.Background(), db: dbtest.Open(t, c, alert.Tables), clock: newClock(), stage: &stage{}}
	h.restart()
	lost := func(f func() error) {
		t.Helper()
		l.lose.Store(true)
		if err := f(); err == nil || l.lose.Load() {
			t.Fatalf("the answer to a commit was lost, and the error is %v", err)
		}
	}
	s := h.firing("DiskFull", "db-03", signal.Warning)

	lost(func() error { return h.Report(h.ctx, s) })
	if open, err := h.Open(h.ctx, "probe"); err != nil || len(open) != 1 {
		t.Fatalf("open are %v, %v; want the fault that was noted", open, err)
	}
	h.report(s)
	h.only()

	h.pass(0) // the first look at the clock is over
	h.clock.Pass(time.Minute)
	lost(func() error { _, err := h.Flush(h.ctx); return err })
	h.pass(time.Minute)
	h.wantTold() // the next stage has it since the commit

	lost(func() error { return h.Report(h.ctx, resolved(s)) })
	if open, err := h.Open(h.ctx, "probe"); err != nil || len(open) != 0 {
		t.Errorf("open are %v, %v; want none, since the end was noted", open, err)
	}
	h.pass(10 * time.Minute)
	h.wantTold("resolved new=0 changed=0 again=0 resolved=1 firing=0 tell=true")

	// The clock is set back, and what it had in the future is news of now.
	h.clock.Pass(time.Hour)
	h.report(h.firing("LoadHigh", "db-03", signal.Warning))
	h.pass(0)
	h.clock.Pass(-time.Hour)
	lost(func() error { _, err := h.Flush(h.ctx); return err })
	h.pass(time.Minute)
	h.wantTold("firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true")
}
