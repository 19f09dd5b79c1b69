package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
)

// errBody is a body that cannot be read; it says how large one may be, or which
// compressions are known.
var (
	errTooLarge = errors.New("the request is too large")
	errEncoding = errors.New("the request is compressed in a way that is not known; gzip, zstd and snappy are")
	errGarbled  = errors.New("the request cannot be decompressed")
)

// decoders are used again: a new one of zstd takes a megabyte.
var decoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
	if err != nil {
		panic("ingest: " + err.Error()) // the options are constants
	}
	return d
}}

// body reads a request whole, decompressed.
func (in *Intake) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := int64(in.o.Body)
	if r.ContentLength > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errTooLarge, r.ContentLength, limit)
	}
	raw := http.MaxBytesReader(w, r.Body, limit)
	var from io.Reader = raw
	switch e := strings.ToLower(r.Header.Get("Content-Encoding")); e {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errGarbled, err)
		}
		from = z
	case "zstd":
		d := decoders.Get().(*zstd.Decoder)
		defer func() { _ = d.Reset(nil); decoders.Put(d) }()
		if err := d.Reset(raw); err != nil {
			return nil, fmt.Errorf("%w: %w", errGarbled, err)
		}
		from = d
	case "snappy":
		b, err := io.ReadAll(raw)
		if err != nil {
			return nil, readError(err, limit)
		}
		return unsnap(b, limit)
	default:
		return nil, fmt.Errorf("%w: %q", errEncoding, e)
	}
	var buf bytes.Buffer
	if from == io.Reader(raw) && r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(io.LimitReader(from, limit+1))
	b := buf.Bytes()
	if err != nil {
		return nil, readError(err, limit)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes once decompressed", errTooLarge, limit)
	}
	return b, nil
}

func unsnap(b []byte, limit int64) ([]byte, error) {
	n, err := snappy.DecodedLen(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGarbled, err)
	}
	if int64(n) > limit {
		return nil, fmt.Errorf("%w: %d bytes once decompressed, at most %d", errTooLarge, n, limit)
	}
	out, err := snappy.Decode(nil, b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGarbled, err)
	}
	return out, nil
}

func readError(err error, limit int64) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return fmt.Errorf("%w: %w", errGarbled, err)
}

// statusOf is the status that tells a sender of an error: whether to send again.
func statusOf(err error) int {
	switch {
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errEncoding):
		return http.StatusUnsupportedMediaType
	case errors.Is(err, errGarbled):
		return http.StatusBadRequest
	case errors.Is(err, ErrBusy):
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}
