package run

import "context"

// Tick looks once at what waits.
func Tick(ctx context.Context, o *Office) error { return o.tick(ctx) }
