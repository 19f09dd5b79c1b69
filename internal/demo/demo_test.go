package demo

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/hub"
)

// begin starts a demo in a folder that holds what one that was killed left, and
// returns how it ended and whether that is still there.
func begin(t *testing.T, dir string) (left bool, err error) {
	t.Helper()
	endpoints := filepath.Join(dir, "endpoints.json")
	if err := os.WriteFile(endpoints, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = Run(t.Context(), Options{Listen: "127.0.0.1:0", Data: dir, Version: "test", Out: io.Discard, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "another process uses") {
		t.Fatalf("the demo ended with %v, want a folder that is taken", err)
	}
	_, there := os.Stat(endpoints)
	return there == nil, err
}

func lock(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	unlock, err := hub.LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
}

func TestEndpointsOfAKilledDemoAreGoneBeforeItsHubStarts(t *testing.T) {
	dir := t.TempDir()
	lock(t, filepath.Join(dir, "hub"))
	if left, err := begin(t, dir); left {
		t.Errorf("they are there when the hub starts (%v)", err)
	}
}

func TestEndpointsOfARunningDemoStay(t *testing.T) {
	dir := t.TempDir()
	lock(t, dir)
	if left, err := begin(t, dir); !left {
		t.Errorf("a second demo took them away (%v)", err)
	}
}
