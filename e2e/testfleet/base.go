package testfleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// cacheDir is where what takes long to make is kept between runs.
func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "vigie", "testfleet")
	return dir, os.MkdirAll(dir, 0o700)
}

// Base returns the folder with the root file system that all servers share.
// The first call on a machine builds it, which takes a minute or two; a change
// of how it is built builds it anew.
func Base(ctx context.Context) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	_, recipe, _ := strings.Cut(script, "\nbase() {")
	recipe, _, _ = strings.Cut(recipe, "\n}\n")
	sum := sha256.Sum256([]byte(recipe))
	to := filepath.Join(cache, "base-"+hex.EncodeToString(sum[:6]))
	lock, err := os.OpenFile(filepath.Join(cache, "base.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock the base of the test fleet: %w", err)
	}
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	if err := removeOld(cache, to); err != nil {
		return "", err
	}
	building := to + ".building"
	cmd := exec.CommandContext(ctx, "bash", "-c", script, "fleet.sh", "base", building)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return "", errors.Join(fmt.Errorf("build the base of the test fleet: %w: %s", err, strings.Join(lines[max(0, len(lines)-10):], "\n")), os.RemoveAll(building))
	}
	return to, os.Rename(building, to)
}

// removeOld takes away bases of other recipes, and one half built.
func removeOld(cache, keep string) error {
	old, err := filepath.Glob(filepath.Join(cache, "base-*"))
	if err != nil {
		return err
	}
	for _, dir := range old {
		if dir != keep {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}
