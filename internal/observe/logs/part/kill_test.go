package part_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
)

// TestMain lets the test program be the child that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PART_TEST_CHILD"); dir != "" {
		writeForever(dir)
	}
	os.Exit(m.Run())
}

// writeForever writes files, merges them, and says on standard output which are
// written.
func writeForever(dir string) {
	die := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	info, lines := generate(1, 10_000)
	for i := 0; ; i++ {
		path := filepath.Join(dir, fmt.Sprintf("%d-%d.parquet", os.Getpid(), i))
		meta, err := part.Write(path, info, lines)
		die(err)
		fmt.Println(path)
		p := part.Known(path, meta)
		path = filepath.Join(dir, fmt.Sprintf("%d-%d-merged.parquet", os.Getpid(), i))
		_, err = part.Merge(contextOf, path, p, p)
		die(err)
		fmt.Println(path)
	}
}

// awaitHalf returns when a file is being written.
func awaitHalf(t *testing.T, dir string) {
	t.Helper()
	for {
		halves, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
		if err != nil {
			t.Fatal(err)
		}
		if len(halves) > 0 {
			return
		}
	}
}

func TestAfterKill9FilesAreWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	lefts := 0
	for round := range 12 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "PART_TEST_CHILD="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var written []string
		for s := bufio.NewScanner(out); s.Scan(); {
			if written = append(written, s.Text()); len(written) == 1+round%4 {
				awaitHalf(t, dir)
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
		for _, path := range written {
			p, err := part.Open(path)
			if err != nil {
				t.Fatalf("it was written: %v", err)
			}
			if err := p.Verify(contextOf); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".parquet") {
				lefts++
				continue
			}
			p, err := part.Open(filepath.Join(dir, e.Name()))
			if err == nil {
				err = p.Verify(contextOf)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := part.RemoveLeftovers(dir); err != nil {
			t.Fatal(err)
		}
	}
	if lefts == 0 {
		t.Error("no writer was killed while it wrote: the test shows nothing")
	}
}
