package wal

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// FuzzScan damages a segment and wants the frames that were not touched, and no
// frame that nobody wrote.
func FuzzScan(f *testing.F) {
	f.Add([]byte(nil), 0, 0)
	f.Add([]byte("x"), 30, 1)
	f.Add([]byte(magic), 55, 4)
	f.Add(bytes.Repeat([]byte{0}, 40), 20, 0)
	const n = nonce(0x1234567890abcdef)
	var whole []byte
	var starts []int
	for i := range 6 {
		starts = append(starts, len(whole))
		whole = append(begin(whole, kindEntry), bytes.Repeat(fmt.Append(nil, i, magic, "."), i*3)...)
		n.finish(whole, starts[i])
	}
	starts = append(starts, len(whole))
	f.Fuzz(func(t *testing.T, insert []byte, at, remove int) {
		if at < 0 || at > len(whole) || remove < 0 || remove > len(whole)-at {
			return
		}
		b := slices.Concat(whole[:at], insert, whole[at+remove:])
		var got []string
		read := 0
		gaps, err := n.scan(b, func(_ int, body []byte) error {
			got = append(got, string(body))
			read += headerSize + len(body)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range gaps {
			read += g.end - g.at
		}
		if read != len(b) {
			t.Fatalf("%d of %d bytes are accounted for", read, len(b))
		}
		for i := range 6 {
			body := string(whole[starts[i]+headerSize : starts[i+1]])
			untouched := starts[i+1] <= at || starts[i] >= at+remove
			if untouched && !slices.Contains(got, body) {
				t.Fatalf("frame %d was not touched and not read", i)
			}
		}
		for _, body := range got {
			if !bytes.Contains(whole, []byte(body)) {
				t.Fatalf("read %q, which nobody wrote", body)
			}
		}
	})
}
