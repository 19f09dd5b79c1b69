// Package probe looks at servers and instances from outside and says when they
// do not answer.
//
// The words: a probe asks one question (does port 443 accept, does the status
// page answer 200) again and again, from one place or several: the hub and
// agents. A place that gets enough bad answers in a row says "down"; the
// outage is confirmed when a second place sees it too. Confirmed outages are
// kept with start, end and cause, and reported as signals until somebody took
// them over. A heartbeat is a probe the other way round: others call us.
//
// Read on in section.go (what a probe is in the operations repository),
// plan.go (what it becomes), machine.go (when an outage is one), service.go
// and take.go (the work), outbox.go (how nothing is lost) and uptime.go. The
// folder prober runs one probe; probeagent runs them on a server.
package probe
