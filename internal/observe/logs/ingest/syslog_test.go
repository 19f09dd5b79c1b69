package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// fields writes the fields of a line in few words.
func fields(r record.Record) string {
	var out []string
	for _, f := range r.Fields {
		out = append(out, f.Name+"="+f.Value.Text())
	}
	return strings.Join(out, " ")
}

func TestMessagesOfSyslogAreRead(t *testing.T) {
	for line, want := range map[string]record.Record{
		`<165>1 2026-11-25T11:00:00.003Z web-1 evntslog 77 ID47 [ex@1 iut="3" src="App"] ` + "\uFEFF" + `An event`: {Message: "An event", Time: noon.Add(-time.Hour + 3*time.Millisecond).UnixNano(), Class: "host.hostname=web-1 log.level=notice log.syslog.facility.name=local4 log.syslog.msgid=ID47 log.syslog.structured_data.ex@1.iut=3 log.syslog.structured_data.ex@1.src=App process.name=evntslog process.pid=77 service.name=evntslog"},
		`<34>Nov 25 11:59:59 mymachine su[12]: 'su root' failed`:                                                   {Message: "'su root' failed", Time: noon.Add(-time.Second).UnixNano(), Class: "host.hostname=mymachine log.level=critical log.syslog.facility.name=auth process.name=su process.pid=12 service.name=su"},
		`<34>Nov 25 13:00:01 paris su: an hour ahead`:                                                              {Message: "an hour ahead", Time: noon.Add(time.Second).UnixNano(), Class: "host.hostname=paris log.level=critical log.syslog.facility.name=auth process.name=su service.name=su"},
		`<30>2026-11-25T11:00:00.5+00:00 app-01 cron[3]: ran`:                                                      {Message: "ran", Time: noon.Add(-time.Hour + 500*time.Millisecond).UnixNano(), Class: "host.hostname=app-01 log.level=info log.syslog.facility.name=daemon process.name=cron process.pid=3 service.name=cron"},
		`<13>no header at all`: {Message: "<13>no header at all"},
		`nothing but words`:    {Message: "nothing but words"},
		"<14>1 garbage \xff":   {Message: "<14>1 garbage \uFFFD"},
	} {
		got := ingest.ParseSyslog(line, noon)
		got.Class, got.Fields = fields(got), nil
		if strings.HasPrefix(want.Message, "<") || want.Class == "" { // what is kept whole may know its priority
			got.Class, got.Time = "", 0
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s:\n%s", line, diff)
		}
	}
}

// listen starts a listener of syslog.
func listen(t *testing.T, idle time.Duration) (k *keeper, address string) {
	t.Helper()
	in, k := open(t)
	s := &ingest.Syslog{In: in, Idle: idle, Who: ingest.KnownOnly(func(ip string) (string, bool) { return "app-01", ip == "127.0.0.1" })}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := lc.ListenPacket(t.Context(), "udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- s.Serve(ctx, l) }()
	go func() { done <- s.ServePacket(ctx, pc) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return k, l.Addr().String()
}

// eventually waits until so many lines are kept.
func (k *keeper) eventually(t *testing.T, n int) []record.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if all := k.all(); len(all) >= n {
			return all
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d lines are kept, not %d", len(k.all()), n)
		}
	}
}

func TestBothFramingsAndDatagramsAreTaken(t *testing.T) {
	k, address := listen(t, 0)
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 2<<20)
	for _, part := range []string{
		"<34>Nov 25 11:59:59 a su: by line\n\n<34>Nov 25 11:59:59 a su: by ", "line too\r\n", "41 <34>Nov 25 11:59:59 a su: with\na break in\n",
		"4 of them begin with a number\n", "<34>Nov 25 11:59:59 a su: " + long + "\n", "<34>Nov 25 11:59:59 a su: without an end",
	} {
		if _, err := c.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	got := k.eventually(t, 6)
	for i, want := range []string{"by line", "by line too", "with\na break in", "4 of them begin with a number", "xxx", "without an end"} {
		if !strings.HasPrefix(got[i].Message, want) || got[i].Owner != record.ServerOwner("app-01") {
			t.Errorf("line %d is %.60q of %s, want %q", i, got[i].Message, got[i].Owner, want)
		}
	}
	if n := len(got[4].Message); n > 1<<20 {
		t.Errorf("the long line has %d bytes", n)
	}
	u, err := (&net.Dialer{}).DialContext(t.Context(), "udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for i := range 20 {
		if _, err := fmt.Fprintf(u, "<34>Nov 25 11:59:59 a su: datagram %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if got := k.eventually(t, 26); got[25].Message != "datagram 19" {
		t.Errorf("the last line is %q", got[25].Message)
	}
}

func TestAConnectionWaitsForABusyStore(t *testing.T) {
	k, address := listen(t, 0)
	k.mu.Lock()
	k.fail = fmt.Errorf("memory: %w", ingest.ErrBusy)
	k.mu.Unlock()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("<34>Nov 25 11:59:59 a su: patience\n")); err != nil {
		t.Fatal(err)
	}
	// Long enough that it was refused at least once is when the next is not read.
	_ = c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	block := []byte(strings.Repeat("<34>Nov 25 11:59:59 a su: more\n", 5000))
	for err == nil {
		_, err = c.Write(block)
	}
	if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
		t.Errorf("the connection ended with %v", err)
	}
	k.mu.Lock()
	k.fail = nil
	k.mu.Unlock()
	if got := k.eventually(t, 1); got[0].Message != "patience" {
		t.Errorf("kept %q", got[0].Message)
	}
}

func TestASilentConnectionEnds(t *testing.T) {
	_, address := listen(t, 50*time.Millisecond)
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("something came")
	}
}

func FuzzMessagesOfSyslogAreKept(f *testing.F) {
	f.Add(`<165>1 2026-11-25T11:00:00.003Z web-1 evntslog 77 ID47 [ex@1 iut="3"] An event`)
	f.Add(`<34>Nov 25 11:59:59 mymachine su[12]: 'su root' failed`)
	f.Fuzz(func(t *testing.T, line string) {
		r := ingest.ParseSyslog(line, noon)
		var again record.Record
		if _, err := record.Decode(record.Append(nil, &r), &again); err != nil {
			t.Error(err)
		}
		if words := strings.Fields(strings.ToValidUTF8(line, "")); len(words) == 1 && !strings.ContainsAny(line, "<>:[]\uFEFF\x00") && !strings.Contains(r.Message+fields(r), words[0]) {
			t.Errorf("%q became %q with %s", line, r.Message, fields(r))
		}
	})
}
