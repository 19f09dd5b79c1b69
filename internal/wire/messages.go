package wire

import (
	"encoding/json"
	"time"
)

// EnrolRequest asks for the first certificate of a server.
type EnrolRequest struct {
	Version int    `json:"version"`
	Token   string `json:"token"`           // as `vigie agent token` printed it, whole
	CSR     string `json:"csr"`             // certificate request, PEM; the hub takes only its public key
	Agent   string `json:"agent,omitempty"` // build of the agent, for people
}

// EnrolResponse hands the certificate over.
type EnrolResponse struct {
	Version     int    `json:"version"`
	Server      string `json:"server"`      // slug; common name of the certificate
	Certificate string `json:"certificate"` // PEM, leaf first
	CA          string `json:"ca"`          // PEM of the CA certificate, whose fingerprint the token names
}

// RenewRequest asks for the next certificate, with the one that still holds.
type RenewRequest struct {
	Version int    `json:"version"`
	CSR     string `json:"csr"` // of a new key, PEM
}

// RenewResponse hands the next certificate over.
type RenewResponse struct {
	Version     int    `json:"version"`
	Certificate string `json:"certificate"` // PEM, leaf first
	CA          string `json:"ca"`          // PEM; several while the hub changes its CA
}

// Heartbeat says that the agent lives now. It is never spooled: the hub goes
// by when it received one, not by what stands in it.
type Heartbeat struct {
	Version     int           `json:"version"`
	Agent       string        `json:"agent,omitempty"` // build of the agent
	Sent        time.Time     `json:"sent"`            // the server's clock; against the hub's it shows skew
	Started     time.Time     `json:"started"`         // when this agent process started
	Boot        string        `json:"boot"`            // /proc/sys/kernel/random/boot_id
	SpoolBytes  int64         `json:"spool_bytes"`     // what waits for this hub
	SpoolOldest time.Time     `json:"spool_oldest,omitzero"`
	SpoolLost   uint64        `json:"spool_lost,omitempty"` // records this hub will never get, since the agent started
	Unavailable []Unavailable `json:"unavailable,omitempty"`
	Refused     []string      `json:"refused,omitempty"` // ids of probe targets outside the networks the server allows
}

// Unavailable is an observer that cannot run on this machine, and why.
type Unavailable struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// HeartbeatAnswer tells the time and the version; nothing else ever, because an
// answer is no place for orders.
type HeartbeatAnswer struct {
	Version int       `json:"version"`
	Now     time.Time `json:"now"`
}

// Facts is what one observer knows about the server, sent when it changed and
// once a day.
type Facts struct {
	Kind string          `json:"kind"` // one of FactKinds
	At   time.Time       `json:"at"`   // when it was observed
	Hash string          `json:"hash"` // SHA-256 of Body, hex: equal means unchanged
	Body json.RawMessage `json:"body"` // of the type that FactKinds names
}

// Targets is what the hub asks a server to look at from where it stands: the
// only thing a hub hands over. The agent probes those that lie inside the
// networks its own file allows.
type Targets struct {
	Commit  string   `json:"commit"` // of the operations repository; the ETag
	Targets []Target `json:"targets"`
}

// Target is one thing to probe.
type Target struct {
	ID       string          `json:"id"`   // unique in the answer; what results refer to
	Kind     string          `json:"kind"` // tcp, http, icmp, dns
	Name     string          `json:"name,omitempty"`
	Host     string          `json:"host,omitempty"` // address or host name
	Port     int             `json:"port,omitempty"`
	URL      string          `json:"url,omitempty"`
	Interval Duration        `json:"interval"`
	Timeout  Duration        `json:"timeout"`
	Expect   json.RawMessage `json:"expect,omitempty"` // conditions of this kind, read by the prober
}

// ProbeResults is what probing found.
type ProbeResults struct {
	Results []ProbeResult `json:"results"`
}

// ProbeResult is one look at one target.
type ProbeResult struct {
	Target              string             `json:"target"` // its id
	At                  time.Time          `json:"at"`     // when the look began
	OK                  bool               `json:"ok"`
	Error               string             `json:"error,omitempty"`  // a sentence when not OK
	Duration            float64            `json:"duration"`         // seconds
	Phases              map[string]float64 `json:"phases,omitempty"` // seconds by phase: dns, connect, tls, first_byte, body
	CertificateNotAfter time.Time          `json:"certificate_not_after,omitzero"`
	Status              int                `json:"status,omitempty"` // HTTP status
}

// Error is the body of every answer that is not 2xx.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"` // a sentence for people
}

// The codes an agent acts on; others are for people.
const (
	CodeRevoked = "revoked" // 403: the certificate is revoked; the agent stops sending to this hub
	CodeToken   = "token"   // 403: the token is unknown, used or too old
)
