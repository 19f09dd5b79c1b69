package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const cursorSuffix = ".cursor"

// loadCursors returns the place of every hub that has one. A cursor that
// cannot be read is left out: its hub starts at the end, like a new one.
func loadCursors(dir string) (map[string]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := map[string]uint64{}
	for _, e := range entries {
		hub, ours := strings.CutSuffix(e.Name(), cursorSuffix)
		if !ours {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if at, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64); err == nil {
			all[hub] = at
		}
	}
	return all, nil
}

// saveCursor replaces the cursor of a hub, whole or not at all.
func saveCursor(dir, hub string, at uint64) error {
	path := filepath.Join(dir, hub+cursorSuffix)
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("keep the cursor of %s: %w", hub, err)
	}
	_, err = fmt.Fprintf(f, "%d\n", at)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		_ = os.Remove(tmp) // on a full disk even its name takes place
		return fmt.Errorf("keep the cursor of %s: %w", hub, err)
	}
	return nil
}

// checkHub refuses names that would leave the folder of cursors.
func checkHub(hub string) error {
	if hub == "" || len(hub) > 200 || strings.ContainsAny(hub, "/\x00") || strings.HasPrefix(hub, ".") {
		return fmt.Errorf("hub name %.40q: it must be usable as a file name", hub)
	}
	return nil
}
