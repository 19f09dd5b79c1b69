// Package wire is everything that passes between an agent and a hub: the
// routes, the messages as JSON, their limits, and one version with a diary.
//
// The agent dials out and the hub answers. What may pass in which direction is
// the list of [Routes]; docs/protocol.md explains it and a test compares both.
package wire

import "time"

// Version is the protocol an agent or a hub of this build speaks. It grows by
// one whenever a message, a route or the meaning of a field changes; whoever
// is newer goes on reading the messages of all older versions.
//
//	1  enrolment and renewal, heartbeats, facts, probe targets and results,
//	   metrics as remote write 2.0
const Version = 1

// The headers of the protocol.
const (
	// HeaderVersion carries the sender's Version on every request and answer.
	HeaderVersion = "Vigie-Version"
	// HeaderRecord carries the id of a spooled record. A record that is sent
	// again, because its answer was lost, carries the same id.
	HeaderRecord = "Vigie-Record"
	// HeaderRecordTime says when the agent observed a record, RFC 3339.
	HeaderRecordTime = "Vigie-Record-Time"
)

// How often an agent speaks when nothing hinders it.
const (
	HeartbeatEvery = 10 * time.Second
	TargetsEvery   = 30 * time.Second
	FactsAgain     = 24 * time.Hour // facts that did not change are sent again
)

// MaxRetryAfter bounds how long an agent obeys a Retry-After.
const MaxRetryAfter = 5 * time.Minute
