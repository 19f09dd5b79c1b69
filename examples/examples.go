// Package examples holds what the demo, the tests and the documentation show:
// a complete operations repository of a made-up company.
package examples

import "embed"

// Ops is the operations repository in the folder ops.
//
//go:embed all:ops
var Ops embed.FS
