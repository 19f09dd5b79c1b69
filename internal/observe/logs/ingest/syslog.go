package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/rfc3164"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Syslog takes messages of RFC 5424 and RFC 3164 in, over UDP, TCP and TLS, the
// latter two with either framing of RFC 6587: the length before each message or
// a line break behind it.
type Syslog struct {
	In *Intake
	// Who finds the sender of a connection; an error ends it.
	Who func(net.Addr) (Sender, error)
	// Idle ends a connection on which nothing comes for so long; an hour.
	Idle time.Duration
	// Most is how many connections there may be at once; 1000.
	Most int
}

// What a batch of messages waits for.
const (
	syslogBatch = 500
	syslogWait  = 100 * time.Millisecond
	syslogQueue = 20_000 // datagrams that wait for the store
)

// Serve takes connections until ctx is done. It closes the listener.
func (s *Syslog) Serve(ctx context.Context, l net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	most := s.Most
	if most == 0 {
		most = 1000
	}
	room := make(chan struct{}, most)
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.In.o.Log.WarnContext(ctx, "a connection of syslog was not accepted", logattr.Err(err))
			if !pause(ctx, 100*time.Millisecond) { // there may be no file descriptors left
				return nil
			}
			continue
		}
		select {
		case room <- struct{}{}:
		default:
			s.In.o.Log.WarnContext(ctx, "too many connections of syslog; one was closed", "most", most)
			_ = c.Close()
			continue
		}
		all.Go(func() {
			defer func() { <-room }()
			s.connection(ctx, c)
		})
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (s *Syslog) connection(ctx context.Context, c net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	defer func() { _ = c.Close() }()
	who, err := s.Who(c.RemoteAddr())
	if err != nil {
		s.In.o.Log.WarnContext(ctx, "a connection of syslog was refused", "from", c.RemoteAddr().String(), logattr.Err(err))
		return
	}
	idle := s.Idle
	if idle == 0 {
		idle = time.Hour
	}
	lines := make(chan string)
	var done sync.WaitGroup
	done.Go(func() { s.keep(With(ctx, who), lines, true) })
	r := framer{r: bufio.NewReaderSize(c, 64<<10), most: s.In.o.Line}
	for {
		_ = c.SetReadDeadline(time.Now().Add(idle))
		line, err := r.next()
		if line != "" {
			select {
			case lines <- line:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err != nil {
			break
		}
	}
	close(lines)
	done.Wait()
}

// framer takes a stream of messages apart.
type framer struct {
	r    *bufio.Reader
	most int
}

// next returns a message; one that is too long is cut. A last message without
// an end comes with the error.
func (f *framer) next() (string, error) {
	first, err := f.r.Peek(1)
	for err == nil && (first[0] == '\n' || first[0] == 0 || first[0] == '\r') {
		_, _ = f.r.Discard(1)
		first, err = f.r.Peek(1)
	}
	if err != nil {
		return "", err
	}
	if first[0] >= '1' && first[0] <= '9' {
		if n, ok := f.counted(); ok {
			return f.octets(n)
		}
	}
	var b strings.Builder
	for {
		part, err := f.r.ReadSlice('\n')
		if room := f.most - b.Len(); room > 0 {
			b.Write(part[:min(len(part), room)])
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return strings.TrimRight(b.String(), "\r\n\x00"), err
	}
}

// counted reads the length of a message of which it comes first; what only
// begins with a number is a line.
func (f *framer) counted() (int, bool) {
	for n := 2; n <= 10; n++ {
		b, err := f.r.Peek(n)
		if err != nil {
			return 0, false
		}
		switch c := b[n-1]; {
		case c == ' ':
			size, err := strconv.Atoi(string(b[:n-1]))
			if err != nil {
				return 0, false
			}
			if ahead, err := f.r.Peek(n + 1); err != nil || ahead[n] != '<' {
				return 0, false
			}
			_, _ = f.r.Discard(n)
			return size, true
		case c < '0' || c > '9':
			return 0, false
		}
	}
	return 0, false
}

func (f *framer) octets(n int) (string, error) {
	b := make([]byte, min(n, f.most))
	if read, err := io.ReadFull(f.r, b); err != nil {
		return string(b[:read]), err
	}
	_, err := io.CopyN(io.Discard, f.r, int64(n-len(b)))
	return strings.TrimRight(string(b), "\r\n\x00"), err
}

// ServePacket takes datagrams until ctx is done; it closes the connection. What
// comes while the store cannot keep up waits, and beyond that is dropped and
// counted: UDP has no way to say so.
func (s *Syslog) ServePacket(ctx context.Context, c net.PacketConn) error {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	queues := map[string]chan string{} // by who sends
	var all sync.WaitGroup
	defer all.Wait()
	defer func() {
		for _, q := range queues {
			close(q)
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFrom(b)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.In.o.Log.WarnContext(ctx, "a datagram of syslog was not read", logattr.Err(err))
			continue
		}
		who, err := s.Who(from)
		if err != nil {
			s.In.o.Count("syslog", 0, 0, 1)
			continue
		}
		q := queues[who.Name]
		if q == nil {
			if len(queues) >= 1000 { // a spoofed address is cheap; what is queued is not
				s.In.o.Count("syslog", 0, 0, 1)
				continue
			}
			q = make(chan string, syslogQueue/20)
			queues[who.Name] = q
			all.Go(func() { s.keep(With(ctx, who), q, false) })
		}
		select {
		case q <- strings.TrimRight(string(b[:n]), "\r\n\x00"):
		default:
			s.In.o.Count("syslog", 0, 0, 1)
		}
	}
}

// keep takes messages to the store, some at a time, until there are no more. A
// store that is busy is asked again; meanwhile nobody reads, and who sends over
// a connection waits.
func (s *Syslog) keep(ctx context.Context, lines <-chan string, wait bool) {
	var batch []record.Record
	p := newSyslogParser()
	flush := func() {
		for len(batch) > 0 {
			// What was read is kept even when the hub stops.
			_, err := s.In.Take(context.WithoutCancel(ctx), "syslog", batch)
			if err == nil {
				break
			}
			s.In.o.Log.WarnContext(ctx, "messages of syslog are not kept yet", "messages", len(batch), logattr.Err(err))
			if !wait && !errors.Is(err, ErrBusy) || !pause(ctx, time.Second) {
				s.In.o.Count("syslog", 0, 0, len(batch))
				break
			}
		}
		batch = batch[:0]
	}
	timer := time.NewTimer(syslogWait)
	timer.Stop()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				flush()
				return
			}
			if len(batch) == 0 {
				timer.Reset(syslogWait)
			}
			batch = append(batch, p.parse(line, s.In.o.Now()))
			if len(batch) >= syslogBatch {
				flush()
			}
		case <-timer.C:
			flush()
		}
	}
}

// syslogParser reads messages of both forms.
type syslogParser struct{ old, modern syslog.Machine }

func newSyslogParser() syslogParser {
	return syslogParser{
		old:    rfc3164.NewParser(rfc3164.WithBestEffort(), rfc3164.WithEmbeddedNewlines(), rfc3164.WithYear(rfc3164.CurrentYear{}), rfc3164.WithLenientDay(), rfc3164.WithSecondFractions()),
		modern: rfc5424.NewParser(rfc5424.WithBestEffort()),
	}
}

// parse reads one message. What cannot be read is kept whole.
func (p syslogParser) parse(line string, now time.Time) record.Record {
	line = strings.ToValidUTF8(line, "\uFFFD")
	r := record.Record{Message: line}
	body, modern := line, false
	if i := strings.IndexByte(line, '>'); i > 0 && i <= 4 && line[0] == '<' {
		modern = strings.HasPrefix(line[i+1:], "1 ")
	} else {
		body = "<13>" + line // user.notice, as RFC 3164 has for those without
	}
	if modern {
		if m, _ := p.modern.Parse([]byte(body)); m != nil {
			if m, ok := m.(*rfc5424.SyslogMessage); ok && m.Timestamp != nil || ok && m.Message != nil {
				fill(&r, &m.Base)
				if m.Timestamp != nil {
					r.Time = m.Timestamp.UnixNano()
				}
				if m.StructuredData != nil {
					for id, params := range *m.StructuredData {
						for name, v := range params {
							r.Fields = append(r.Fields, record.Field{Name: "log.syslog.structured_data." + id + "." + name, Value: record.StringValue(v)})
						}
					}
				}
				r.Message = strings.TrimPrefix(r.Message, "\uFEFF")
				r.Sort()
				return r
			}
		}
		r.Sort()
		return r
	}
	// rsyslog forwards whole times in the old form; the parser gets one that it knows.
	priority, rest, _ := strings.Cut(body, ">")
	stamp, rest, _ := strings.Cut(rest, " ")
	at, whole := record.ParseTime(stamp)
	if whole {
		body = priority + ">Jan  1 00:00:00 " + rest
	}
	m, _ := p.old.Parse([]byte(body))
	if m, ok := m.(*rfc3164.SyslogMessage); ok && m.Message != nil {
		fill(&r, &m.Base)
		switch {
		case whole:
			r.Time = at
		case m.Timestamp != nil:
			r.Time = nearest(*m.Timestamp, now)
		}
	}
	r.Sort()
	return r
}

// nearest is the time of a message without year and zone, in the year and zone
// that bring it nearest to now: syslog tells what happens as it happens.
func nearest(t, now time.Time) int64 {
	for _, year := range []int{now.Year() - 1, now.Year(), now.Year() + 1} {
		if c := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC); c.Sub(now).Abs() < t.Sub(now).Abs() {
			t = c
		}
	}
	const quarter = 15 * time.Minute
	off := t.Sub(now)
	if zone := off.Round(quarter); zone.Abs() <= 14*time.Hour && (off-zone).Abs() < 2*time.Minute {
		t = t.Add(-zone)
	}
	return t.UnixNano()
}

// facilities are those of RFC 5424, by number.
var facilities = [24]string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

func fill(r *record.Record, m *syslog.Base) {
	put := func(name string, s *string) {
		if s != nil && *s != "" {
			r.Fields = append(r.Fields, record.Field{Name: name, Value: record.StringValue(*s)})
		}
	}
	if m.Message != nil {
		r.Message = *m.Message
	} else {
		r.Message = ""
	}
	put("host.hostname", m.Hostname)
	put("process.name", m.Appname)
	put(record.Service, m.Appname)
	put("log.syslog.msgid", m.MsgID)
	if m.ProcID != nil {
		if pid, err := strconv.ParseInt(*m.ProcID, 10, 64); err == nil {
			r.Fields = append(r.Fields, record.Field{Name: "process.pid", Value: record.IntValue(pid)})
		} else {
			put("log.syslog.procid", m.ProcID)
		}
	}
	if m.Severity != nil && int(*m.Severity) < len(record.Levels) {
		r.Fields = append(r.Fields, record.Field{Name: record.Level, Value: record.StringValue(record.Levels[*m.Severity])})
	}
	if m.Facility != nil && int(*m.Facility) < len(facilities) {
		put("log.syslog.facility.name", &facilities[*m.Facility])
	}
}

// ParseSyslog reads one message as a listener would at a time.
func ParseSyslog(line string, now time.Time) record.Record { return newSyslogParser().parse(line, now) }

// errNobody is an address that is no server's.
var errNobody = errors.New("no server of the operations repository has this address")

// KnownOnly finds senders by the addresses of servers.
func KnownOnly(server func(ip string) (slug string, ok bool)) func(net.Addr) (Sender, error) {
	return func(a net.Addr) (Sender, error) {
		host, _, err := net.SplitHostPort(a.String())
		if err != nil {
			return Sender{}, fmt.Errorf("%s: %w", a, errNobody)
		}
		slug, ok := server(host)
		if !ok {
			return Sender{}, fmt.Errorf("%s: %w", host, errNobody)
		}
		return Sender{Name: slug, Server: slug}, nil
	}
}
