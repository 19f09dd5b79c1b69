package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
)

// setupLink is the service that lets the first admin in.
type setupLink struct{ h *Hub }

// Name implements Service.
func (setupLink) Name() string { return "set-up link" }

// patience is how long it waits for the operations repository, which knows the
// admins; without one the link makes a local admin.
const patience = 15 * time.Second

// Run writes the one-time link with which the first admin sets a password, as
// long as none can sign in, and is idle from then on. A file that only the
// hub's user reads holds it: logs are no place for secrets.
func (s setupLink) Run(ctx context.Context) error {
	h := s.h
	file := filepath.Join(h.o.Config.Data, "setup-link")
	wait, cancel := context.WithTimeout(ctx, patience)
	_ = h.WaitOperations(wait) // what is wrong with it, its own page says
	cancel()
	select {
	case <-ctx.Done():
		return nil
	default:
	}
	token, ok, err := h.accounts.SetupLink(ctx)
	if err != nil {
		return err
	}
	if ok {
		if err := os.WriteFile(file, []byte(h.ConsoleURL()+"/setup/"+token+"\n"), 0o600); err != nil {
			return err
		}
		h.log.Info("no admin can sign in yet; open the link in this file once, within a day", "file", file)
	} else if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		h.log.Warn("an old set-up link could not be removed", "file", file, logattr.Err(err))
	}
	<-ctx.Done()
	return nil
}
