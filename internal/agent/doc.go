// Package agent is the process on every server: it observes, keeps what it
// saw on disk, and sends it to every hub it lists. It takes no orders, opens no
// listener, and runs nothing but what its own file on the server names.
//
// Read [Agent.Run] first: sources observe and hand records to the spool; a
// link a hub delivers them in order, says that the agent lives, renews its
// certificate, and fetches what to probe.
package agent
