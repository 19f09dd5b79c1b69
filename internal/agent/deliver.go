package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/agent/spool"
	"github.com/vigie-ops/vigie/internal/wire"
)

// deliverAll sends what the spool holds for the hub, in order, one record a
// request. A record goes when the hub has it or does not want it; until then
// nothing behind it is sent.
func (l *link) deliverAll(ctx context.Context) {
	var b backoff
	for l.gate.pass(ctx) {
		rec, err := l.reader.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			var delay time.Duration
			if delay, err = l.deliver(ctx, rec); err == nil {
				b.reset()
				l.quiet.worked("deliver records")
				continue
			}
			if !l.gate.stands() || ctx.Err() != nil {
				continue // revoked, or the end: no fault of the connection
			}
			l.quiet.failed("deliver records", err)
			if delay > 0 {
				wait(ctx, delay)
				continue
			}
		} else {
			l.quiet.failed("read the spool", err)
		}
		wait(ctx, b.next())
	}
}

// deliver sends one record and acknowledges it when it is done with. An error
// means that it has to be sent again, not before delay if there is one.
func (l *link) deliver(ctx context.Context, rec spool.Record) (delay time.Duration, err error) {
	route, ok := wire.RouteOf(rec.Kind)
	if !ok || int64(len(rec.Payload)) > route.Limit { // of another build of the agent
		l.drop(rec, "no route carries it")
		return 0, l.reader.Ack(rec)
	}
	a, err := l.client.do(ctx, route.Method, route.Path, recordHeader(rec), rec.Payload, 64<<10)
	if err != nil {
		return 0, err
	}
	switch {
	case a.status/100 == 2:
	case isRevoked(a):
		l.revoke(a)
		return 0, errors.New("the certificate is revoked")
	case isFinal(a.status):
		l.drop(rec, a.problem().Message)
	default:
		return retryAfter(a.header, time.Now()), fmt.Errorf("the hub answered %d: %s", a.status, a.problem().Message)
	}
	if err := l.reader.Ack(rec); err != nil {
		// The hub has it; only a restart could send it again, with the same id.
		l.quiet.failed("keep the cursor", err)
	} else {
		l.quiet.worked("keep the cursor")
	}
	return 0, nil
}

// isFinal says whether a status means that sending the record again is in vain.
func isFinal(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// drop counts a record the hub does not want.
func (l *link) drop(rec spool.Record, reason string) {
	if l.refused.Add(1) == 1 { // once; the count is a metric
		l.log.Warn("the hub does not want a record, dropping it", "kind", rec.Kind, "record", rec.ID, "reason", reason)
	}
}

// recordHeader is what a record of a kind is sent with.
func recordHeader(rec spool.Record) http.Header {
	h := http.Header{}
	h.Set(wire.HeaderRecord, rec.ID)
	h.Set(wire.HeaderRecordTime, rec.At.UTC().Format(time.RFC3339Nano))
	if rec.Kind == wire.KindMetrics {
		h.Set("Content-Type", wire.TypeWrite)
		h.Set("Content-Encoding", wire.EncodingWrite)
		h.Set("X-Prometheus-Remote-Write-Version", wire.VersionWrite)
	}
	return h
}
