// Package run runs playbooks: real ansible-playbook, at a pinned and accepted
// commit of the operations repository, as a user of its own.
//
// A request (request.go) is judged by the review policy (gate.go), approved where
// a policy asks for it (approval.go) and queued. The worker (worker.go) starts
// what is queued as soon as no other run holds its servers (lock.go), in a room
// of its own on this machine (sandbox.go) with an ssh-agent that only signs
// (sshagent.go). Ansible tells what happens through a callback (callback/vigie.py)
// as a line of JSON an event (event.go); the recorder (recorder.go) writes it
// down as it comes. What ended is a link in a chain of hashes (record.go), and a
// signal if it failed (signals.go).
//
// Nothing of a commit is executed before the policy accepted it.
package run
