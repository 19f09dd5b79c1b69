package e2e_test

import (
	"bytes"
	bits "encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/golang/snappy"
)

// remoteWrite is a request of Prometheus's remote write, version 1, with one
// sample of one series.
func remoteWrite(labels map[string]string, v float64, at time.Time) []byte {
	names := make([]string, 0, len(labels))
	for n := range labels {
		names = append(names, n)
	}
	slices.Sort(names)
	var series []byte
	for _, n := range names {
		series = field(series, 1, field(field(nil, 1, []byte(n)), 2, []byte(labels[n])))
	}
	sample := bits.LittleEndian.AppendUint64([]byte{1<<3 | 1}, math.Float64bits(v))
	sample = bits.AppendUvarint(append(sample, 2<<3), uint64(at.UnixMilli()))
	return snappy.Encode(nil, field(nil, 1, field(series, 2, sample)))
}

// field appends a field of bytes of a protobuf message.
func field(b []byte, number byte, content []byte) []byte {
	b = append(b, number<<3|2)
	b = bits.AppendUvarint(b, uint64(len(content)))
	return append(b, content...)
}

// postWrite sends a remote write with whatever client speaks to url.
func postWrite(c *http.Client, url, token string, body []byte) error {
	req, err := http.NewRequest("POST", url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%d %s", resp.StatusCode, b)
	}
	return nil
}
