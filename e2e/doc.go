// Package e2e tells stories of the whole program: the built binary, a real
// browser, real clients, and what happens when something is killed, broken,
// full or gone.
package e2e
