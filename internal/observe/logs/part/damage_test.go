package part_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

var contextOf = context.Background()

// damagedOr reads a file that was changed and wants its lines or ErrDamaged.
func damagedOr(t *testing.T, path string, lines []record.Record) {
	t.Helper()
	say := func(err error) {
		if !errors.Is(err, part.ErrDamaged) && !errors.Is(err, part.ErrVersion) || !strings.Contains(err.Error(), path) {
			t.Fatalf("%v", err)
		}
	}
	p, err := part.Open(path)
	if err != nil {
		say(err)
		return
	}
	verified := p.Verify(contextOf)
	if verified != nil {
		say(verified)
	}
	got, err := all(p, part.OldestFirst)
	if err != nil {
		say(err)
		if verified == nil {
			t.Fatal("what cannot be read was verified")
		}
		return
	}
	same(t, lines, got)
	f := query.NewWords(record.Message, "word")
	c, err := query.NewCollector(query.Request{Filter: f})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Search(contextOf, query.NewPlan(f), f, c, &query.Scanned{}); err != nil {
		say(err)
		return
	}
	res, err := c.Result()
	if err != nil {
		t.Fatal(err)
	}
	want, err := query.Naive(lines).Search(contextOf, query.Request{Filter: f})
	if err != nil || res.Total != want.Total {
		t.Fatalf("%d lines, want %d, %v", res.Total, want.Total, err)
	}
}

func TestADamagedFileSaysSo(t *testing.T) {
	lines := oddLines(rand.New(rand.NewPCG(1, 1)), 120)
	whole, err := os.ReadFile(written(t, lines).Path())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.parquet")
	for i := 0; i < len(whole); i += 1 + i%37 {
		b := append([]byte(nil), whole...)
		b[i] ^= 1 << (i % 8)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		damagedOr(t, path, lines)
		p, err := part.Open(path)
		if err == nil {
			err = p.Verify(contextOf)
		}
		if err == nil {
			t.Fatalf("byte %d was changed and nobody saw it", i)
		}
	}
	for i := 0; i < len(whole); i += 1 + i%101 {
		if err := os.WriteFile(path, whole[:i], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := part.Open(path); !errors.Is(err, part.ErrDamaged) {
			t.Fatalf("%d of %d bytes: %v", i, len(whole), err)
		}
	}
}

// FuzzDamage changes bytes of a file and wants the same lines or ErrDamaged.
func FuzzDamage(f *testing.F) {
	lines := oddLines(rand.New(rand.NewPCG(1, 1)), 120)
	whole, err := os.ReadFile(written(f, lines).Path())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, []byte{1}, 0)
	f.Add(5000, []byte("vgP1"), 3)
	f.Add(len(whole)-8, []byte{255, 255, 255, 255}, 4)
	f.Add(len(whole)-20, []byte{}, 20)
	path := filepath.Join(f.TempDir(), "a.parquet")
	f.Fuzz(func(t *testing.T, at int, insert []byte, remove int) {
		if at < 0 || at > len(whole) || remove < 0 || remove > len(whole)-at {
			return
		}
		b := append(append(append([]byte(nil), whole[:at]...), insert...), whole[at+remove:]...)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		damagedOr(t, path, lines)
	})
}
