package wal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

func openJournal(t *testing.T, path string) (*wal.Journal, []string, wal.Report) {
	t.Helper()
	var got []string
	j, r, err := wal.OpenJournal(path, func(p []byte) error { got = append(got, string(p)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return j, got, r
}

func say(t *testing.T, j *wal.Journal, what ...string) {
	t.Helper()
	if err := j.Append(entries(what)...); err != nil {
		t.Fatal(err)
	}
}

func entries(what []string) (b [][]byte) {
	for _, s := range what {
		b = append(b, []byte(s))
	}
	return b
}

func TestAJournalSaysWhatItWasTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, got, r := openJournal(t, path)
	if got != nil || r.Bytes != 0 {
		t.Errorf("before it exists: %v, %+v", got, r)
	}
	say(t, j, "one", "two")
	say(t, j, "three")
	j, got, _ = openJournal(t, path)
	if !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("read %v", got)
	}
	if err := j.Replace(entries([]string{"all"})...); err != nil {
		t.Fatal(err)
	}
	say(t, j, "four")
	if _, got, _ = openJournal(t, path); !slices.Equal(got, []string{"all", "four"}) {
		t.Errorf("read %v", got)
	}
	if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("one")) || int64(len(b)) != j.Size() {
		t.Errorf("%q, %v; it says it has %d bytes", b, err, j.Size())
	}
	if err := errors.Join(j.Remove(), j.Remove()); err != nil {
		t.Error(err)
	}
}

func TestAJournalIsMended(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "j")
	j, _, _ := openJournal(t, path)
	say(t, j, "one", "two", "three")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(b[:len(b)-2])
	j, got, r := openJournal(t, path)
	if !slices.Equal(got, []string{"one", "two"}) || r.Torn == 0 || r.Damaged != nil {
		t.Errorf("torn: %v, %+v", got, r)
	}
	say(t, j, "four")
	if _, got, r = openJournal(t, path); !slices.Equal(got, []string{"one", "two", "four"}) || r.Torn != 0 {
		t.Errorf("mended: %v, %+v", got, r)
	}
	b[bytes.Index(b, []byte("two"))]++
	write(b)
	if _, got, r = openJournal(t, path); !slices.Equal(got, []string{"one", "three"}) || len(r.Damaged) != 1 {
		t.Errorf("damaged: %v, %+v", got, r)
	}
}

func TestAJournalTakesAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _, _ := openJournal(t, path)
	say(t, j, "one")
	wal.BreakJournal(j, func(f *os.File, b []byte) error {
		_, _ = f.Write(b[:len(b)-3])
		return syscall.ENOSPC
	})
	if err := j.Append([]byte("two"), []byte("three")); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	if _, got, r := openJournal(t, path); !slices.Equal(got, []string{"one"}) || r.Torn != 0 {
		t.Errorf("read %v, %+v", got, r)
	}
	wal.BreakJournal(j, nil)
	say(t, j, "four")
	if _, got, _ := openJournal(t, path); !slices.Equal(got, []string{"one", "four"}) {
		t.Errorf("read %v", got)
	}
}
