package hub_test

import (
	"os"
	"testing"
)

func TestTheDataFolderIsClosedToOthers(t *testing.T) {
	c := config(t)
	if err := os.Mkdir(c.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.Data, 0o755); err != nil {
		t.Fatal(err)
	}
	_, stop := run(t, c, nil)
	defer stop()
	if info, err := os.Stat(c.Data); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("it is %v, %v; want 0750", info.Mode(), err)
	}
}
