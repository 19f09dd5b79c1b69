package people

import "context"

// Cheap makes hashing fast, and one more pass makes what was hashed outdated.
func Cheap(a *Accounts, passes uint32) { a.cost = cost{memory: 64, passes: passes, threads: 1} }

// Keep is what Run does each time.
func Keep(ctx context.Context, a *Accounts) error { return a.keep(ctx) }
