package part_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// FuzzLines writes whatever lines and wants them back, and found by what they
// hold.
func FuzzLines(f *testing.F) {
	for seed := range uint64(20) {
		var b []byte
		for _, one := range oddLines(rand.New(rand.NewPCG(seed, 9)), 1+int(seed)) { //nolint:gosec // small
			b = record.Append(b, &one)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var lines []record.Record
		for len(b) > 0 {
			var one record.Record
			rest, err := record.Decode(b, &one)
			if err != nil {
				break
			}
			b = rest
			one.Owner, one.Class, one.Seq = info.Owner, info.Class, uint64(len(lines))
			one.Fields = slices.DeleteFunc(slices.Clone(one.Fields), func(f record.Field) bool { return record.Reserved(f.Name) })
			one.Sort()
			lines = append(lines, one)
		}
		if len(lines) == 0 {
			return
		}
		p := written(t, lines)
		for _, o := range []part.Order{part.AsWritten, part.OldestFirst} {
			got, err := all(p, o)
			if err != nil {
				t.Fatal(err)
			}
			same(t, lines, got)
		}
		one := lines[len(lines)/2]
		answersAsNaive(t, p, lines, query.Request{Filter: query.NewWords(query.AnyField, one.Message), Size: 5})
		for _, f := range one.Fields[:min(len(one.Fields), 5)] {
			answersAsNaive(t, p, lines, query.Request{Filter: query.Equal{Field: f.Name, Value: f.Value}, Size: 5})
			answersAsNaive(t, p, lines, query.Request{Filter: query.Range{Field: f.Name, To: f.Value}, Size: 5})
		}
	})
}
