package wire

import "net/http"

// The paths of the agents' listener.
const (
	PathEnrol     = "/agent/v1/enrol"
	PathRenew     = "/agent/v1/renew"
	PathHeartbeat = "/agent/v1/heartbeat"
	PathFacts     = "/agent/v1/facts"
	PathTargets   = "/agent/v1/targets"
	PathProbes    = "/agent/v1/probes"
	PathWrite     = "/api/v1/write"
	PathLogs      = "/agent/v1/logs"
)

// The formats of bodies.
const (
	TypeJSON      = "application/json"
	TypeWrite     = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
	EncodingWrite = "snappy"
	VersionWrite  = "2.0.0" // of X-Prometheus-Remote-Write-Version
	TypeLogs      = "application/x-vigie-logs"
	EncodingLogs  = "zstd"
)

// Route is one thing that may pass between an agent and a hub.
type Route struct {
	Method string
	Path   string
	// Certificate says that the caller must show a client certificate of the
	// hub's own CA; its common name is the server the body is about.
	Certificate bool
	// Sends and Gets name what passes from the agent to the hub and back; empty
	// is a body without content.
	Sends string
	Gets  string
	// Kind is the kind of the spooled record that this route carries; empty for
	// what is only worth saying now.
	Kind string
	// Limit is the largest body the hub takes, in bytes.
	Limit int64
}

// The kinds of spooled records.
const (
	KindMetrics = "metrics" // a snappy-compressed remote write 2.0 request
	KindFacts   = "facts"   // a Facts
	KindProbes  = "probes"  // a ProbeResults
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// Routes returns everything that may pass, in the order of an agent's life.
func Routes() []Route {
	return []Route{
		{http.MethodPost, PathEnrol, false, "EnrolRequest", "EnrolResponse", "", 64 * kib},
		{http.MethodPost, PathRenew, true, "RenewRequest", "RenewResponse", "", 64 * kib},
		{http.MethodPost, PathHeartbeat, true, "Heartbeat", "HeartbeatAnswer", "", 64 * kib},
		{http.MethodGet, PathTargets, true, "", "Targets", "", 0},
		{http.MethodPost, PathFacts, true, "Facts", "", KindFacts, 8 * mib},
		{http.MethodPost, PathProbes, true, "ProbeResults", "", KindProbes, mib},
		{http.MethodPost, PathWrite, true, "io.prometheus.write.v2.Request", "", KindMetrics, 16 * mib},
		{http.MethodPost, PathLogs, true, "vigie.logs.Batch", "", "", 16 * mib},
	}
}

// RouteOf returns the route that carries records of a kind.
func RouteOf(kind string) (Route, bool) {
	for _, r := range Routes() {
		if r.Kind == kind && kind != "" {
			return r, true
		}
	}
	return Route{}, false
}

// MaxTargets is the largest answer an agent reads, in bytes.
const MaxTargets = 4 * mib
