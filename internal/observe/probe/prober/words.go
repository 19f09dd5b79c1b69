package prober

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sentence is an error that already reads as people should see it.
type sentence string

func (s sentence) Error() string { return string(s) }

func sentencef(format string, args ...any) error { return sentence(fmt.Sprintf(format, args...)) }

// cannotError is a reason why this place cannot ask at all.
type cannotError string

func (e cannotError) Error() string { return string(e) }

// unable reports whether the error says something about this place instead of
// about the target.
func unable(err error) bool {
	var guard *guardError
	var cannot cannotError
	if errors.As(err, &guard) || errors.As(err, &cannot) {
		return true
	}
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// words turns an error of the network into a sentence for people. The caller
// holds a.mu.
func (a *attempt) words(err error) string {
	var (
		said   sentence
		cannot cannotError
		guard  *guardError
		name   *net.DNSError
		dialed *dialError
		record tls.RecordHeaderError
		alert  tls.AlertError
	)
	where := a.at.String()
	switch {
	case errors.As(err, &dialed):
		where = dialed.addr.String()
	case !a.at.IsValid(): // ping has no port
		where = a.res.Address.String()
	}
	switch {
	case errors.As(err, &said):
		return string(said)
	case errors.As(err, &cannot):
		return string(cannot)
	case errors.As(err, &guard):
		return guard.Error()
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Sprintf("the name %s does not exist", name.Name)
	case errors.As(err, &name) && name.IsTimeout:
		return fmt.Sprintf("the name %s was not resolved within %s", name.Name, Span(a.t.timeout()))
	case errors.As(err, &name):
		return fmt.Sprintf("the name %s was not resolved: %s", name.Name, name.Err)
	case timedOut(err):
		if dialed != nil {
			return fmt.Sprintf("no answer from %s within %s", where, Span(a.t.timeout()))
		}
		return fmt.Sprintf("no answer within %s", Span(a.t.timeout()))
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused on " + where
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to " + where
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return where + " reset the connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return where + " closed the connection before the answer was complete"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return where + " does not speak TLS on this port"
	case errors.As(err, &alert):
		return fmt.Sprintf("%s refused the TLS handshake: %s", where, strings.TrimPrefix(alert.Error(), "tls: "))
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// Span writes a duration as people say it: "5 s", "1.5 s", "2 min", "3 days".
func Span(d time.Duration) string {
	unit := func(n float64, one, many string) string {
		text := strconv.FormatFloat(n, 'f', -1, 64)
		if text == "1" {
			return text + " " + one
		}
		return text + " " + many
	}
	switch {
	case d < time.Second:
		return unit(float64(d.Milliseconds()), "ms", "ms")
	case d < 2*time.Minute:
		return unit(float64(d.Round(100*time.Millisecond).Milliseconds())/1000, "s", "s")
	case d < 2*time.Hour:
		return unit(float64(int(d.Minutes())), "min", "min")
	case d < 48*time.Hour:
		return unit(float64(int(d.Hours())), "hour", "hours")
	default:
		return unit(float64(int(d.Hours()/24)), "day", "days")
	}
}
