package wal_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

// TestMain lets the test program be the child that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("WAL_TEST_CHILD"); dir != "" {
		appendForever(dir)
	}
	os.Exit(m.Run())
}

// appendForever appends from several goroutines and says on standard output
// what was acknowledged.
func appendForever(dir string) {
	l, _, err := wal.Open(dir, wal.Options{SegmentBytes: 64 << 10}, func(wal.Frame) error { return nil })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d/%d/%d", os.Getpid(), worker, i)
				if err := l.Append(&text{payload: name}); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(name)
			}
		})
	}
	all.Wait()
}

func TestWhatWasAcknowledgedSurvivesKill9(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 5 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "WAL_TEST_CHILD="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
			if n == 300*(round+1) {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
		seen := map[string]int{}
		_, got, r := open(t, dir, wal.Options{})
		for _, name := range got {
			if seen[name]++; seen[name] > 1 {
				t.Fatalf("round %d: %s is there twice", round, name)
			}
		}
		for name := range acknowledged {
			if seen[name] == 0 {
				t.Fatalf("round %d: %s was acknowledged and is lost; %+v", round, name, r)
			}
		}
		if r.Damaged != nil {
			t.Fatalf("round %d: %+v", round, r)
		}
	}
	if len(acknowledged) < 4500 {
		t.Errorf("only %d entries were acknowledged", len(acknowledged))
	}
}
