package ingest

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/klauspost/compress/snappy"
	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
)

// messageType returns the version of remote write a request speaks.
func messageType(r *http.Request) (remoteapi.WriteMessageType, error) {
	ct := r.Header.Get("Content-Type")
	if ct == "" {
		ct = "application/x-protobuf"
	}
	msg, err := remoteapi.ParseProtoMsg(ct)
	if err != nil {
		return "", refuse(http.StatusUnsupportedMediaType, "%v; remote write 1.0 and 2.0 are understood", err)
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "snappy" {
		return "", refuse(http.StatusUnsupportedMediaType, "content encoding %q is not understood; only snappy is", enc)
	}
	return msg, nil
}

// buffer holds the body of one request, compressed and plain. Decoding copies
// what it keeps, so buffers are used again.
type buffer struct {
	packed bytes.Buffer
	plain  []byte
}

// densest is more than snappy packs: 64 bytes into 3.
const densest = 24

func (b *buffer) read(w http.ResponseWriter, r *http.Request, l Limits) ([]byte, error) {
	b.packed.Reset()
	if r.ContentLength > 0 && r.ContentLength <= l.Body {
		b.packed.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := b.packed.ReadFrom(http.MaxBytesReader(w, r.Body, l.Body)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, refuse(http.StatusRequestEntityTooLarge, "The body is larger than %d bytes; send fewer series at once.", l.Body)
		}
		return nil, err
	}
	n, err := snappy.DecodedLen(b.packed.Bytes())
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "The body is not snappy: %v.", err)
	}
	if n > l.Decoded {
		return nil, refuse(http.StatusRequestEntityTooLarge, "The body unpacks to %d bytes, more than the %d allowed; send fewer series at once.", n, l.Decoded)
	}
	if n > b.packed.Len()*densest+1024 {
		return nil, refuse(http.StatusBadRequest, "The body is not snappy: %d bytes cannot unpack to %d.", b.packed.Len(), n)
	}
	if cap(b.plain) < n {
		b.plain = make([]byte, n)
	}
	plain, err := snappy.Decode(b.plain[:n], b.packed.Bytes())
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "The body is not snappy: %v.", err)
	}
	return plain, nil
}
