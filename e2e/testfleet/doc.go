// Package testfleet runs real servers on the test machine: Debian with systemd
// and an sshd that has a host key of its own, each in a network namespace with
// its own address on a bridge. It needs root and nothing else; what it makes
// goes away with Destroy, and also when the program that made it is killed.
//
// Up makes a fleet; the verbs of a Server do to it what happens to servers:
// the power goes (Kill, Boot), the cable is cut (Cut, Join), the line is slow
// (Slow), the disk fills (FillDisk), somebody installs it anew (NewHostKey).
//
// The work is done by fleet.sh, which mounts, links and boots; this package
// is its owner. Servers have no way out of the bridge; packages come through
// a caching proxy on its address (proxy.go), which asks only the archives that
// the test machine itself uses.
package testfleet
