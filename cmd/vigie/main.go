// Command vigie is the hub, the agent and the command line of Vigie.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit statuses.
const (
	exitOK    = 0
	exitWrong = 1 // it was understood, and failed
	exitUsage = 2 // it was not understood
	exitAway  = 3 // the hub could not be asked; trying again may help
)

// errSaid ends a command whose findings are printed already.
var errSaid = errors.New("said")

// usage is an error in how a command was called.
type usage struct{ error }

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	var u usage
	var away unreachable
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errSaid):
		return exitWrong
	case errors.As(err, &away):
		fmt.Fprintf(errs, "vigie: %v\n", err)
		return exitAway
	case errors.As(err, &u):
		fmt.Fprintf(errs, "vigie: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(errs, "vigie: %v\n", err)
	return exitWrong
}
