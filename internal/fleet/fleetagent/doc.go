// Package fleetagent tells what a server is: distribution and kernel, packages,
// listening ports, users that can log in, mounts, certificates on disk,
// processes that still run code that was replaced, and public host keys of ssh.
//
// Each kind is a file with a pure parser. What was found is sent when it
// changed, and once a day so that a hub that lost it has it again. Looking is
// paced: nothing is read again that says it did not change.
package fleetagent
