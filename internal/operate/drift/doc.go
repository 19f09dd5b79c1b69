// Package drift finds what differs on the servers from what their playbooks
// say: every night it has the playbooks that ask for it checked on the whole
// fleet, follows how checks and runs end, and keeps what would change as
// findings with an age.
package drift
