package part

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// madeUp changes bytes of a file and makes its sums right again.
func madeUp(b []byte, at int, with []byte) []byte {
	b = append([]byte(nil), b...)
	footer := int(binary.LittleEndian.Uint32(b[len(b)-8:])) + 8
	tail := b[len(b)-footer-sectionTail:]
	length := int(binary.LittleEndian.Uint32(tail))
	body := len(b) - footer - sectionTail - length
	own := b[body:][:length]
	blocks := (body + blockBytes - 1) / blockBytes
	copy(b[at%(body+length):body+length], with)
	sums := own[length-4-4*blocks:]
	for i := range blocks {
		binary.LittleEndian.PutUint32(sums[4*i:], sum(b[i*blockBytes:min((i+1)*blockBytes, body)]))
	}
	binary.LittleEndian.PutUint32(tail[4:], sum(own))
	return b
}

// FuzzMadeUp reads files of which the sums are right and the rest is not: there
// is no telling what they say, but reading ends, with lines or an error that
// names the file.
func FuzzMadeUp(f *testing.F) {
	var lines []record.Record
	for i := range 300 {
		one := record.Record{Time: int64(i / 3), Seq: uint64(i), Message: strings.Repeat("word ", i%9), Fields: []record.Field{
			{Name: "code", Value: record.IntValue(int64(i % 3))}, {Name: "f", Value: record.FloatValue(float64(i) / 8)}, {Name: "ok", Value: record.BoolValue(true)},
			{Name: "raw", Value: record.JSONValue("[{}]")}, {Name: "tags", Value: record.StringValue("a")}, {Name: "tags", Value: record.StringValue("b")},
		}}
		lines = append(lines, one)
	}
	path := filepath.Join(f.TempDir(), "a.parquet")
	if _, err := WriteSmall(path, Info{}, lines, 100, 30); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for i := 0; i < len(whole); i += 97 {
		f.Add(i, []byte{byte(i), 255})
	}
	f.Fuzz(func(t *testing.T, at int, with []byte) {
		if at < 0 {
			return
		}
		if err := os.WriteFile(path, madeUp(whole, at, with), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Open(path)
		for _, o := range []Order{AsWritten, NewestFirst} {
			if err == nil {
				err = p.Each(t.Context(), nil, 0, 0, o, func(*record.Record) error { return nil })
			}
			if err != nil && (!errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), path)) {
				t.Fatal(err)
			}
		}
		if file, err := open(path); err == nil {
			for _, g := range file.groups {
				b := file.block(g)
				for _, name := range append(b.Names(), record.Message, record.ID, record.Time) {
					if c := b.Column(name); c != nil {
						for row := range g.rows {
							c.Each(row, func(record.Value) {})
						}
					}
				}
				x := groupIndex{f: file, g: g}
				x.Word(7)
				b.release()
			}
			file.close()
		}
	})
}
