package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// The most a message may list; a sender that needs more is broken or hostile.
const (
	maxUnavailable = 200
	maxTargets     = 10_000
	maxResults     = 5_000
	maxPhases      = 20
	maxName        = 253
	maxText        = 4 * kib
)

func checkVersion(v int) error {
	if v < 1 {
		return errors.New("version is missing")
	}
	return nil
}

func checkText(field, s string, most int) error {
	if s == "" {
		return fmt.Errorf("%s is missing", field)
	}
	if len(s) > most {
		return fmt.Errorf("%s is longer than %d bytes", field, most)
	}
	return nil
}

// Check implements Message.
func (m *EnrolRequest) Check() error {
	if _, err := ParseToken(m.Token); err != nil {
		return err
	}
	return errors.Join(checkVersion(m.Version), checkText("csr", m.CSR, 32*kib))
}

// Check implements Message.
func (m *EnrolResponse) Check() error {
	return errors.Join(checkVersion(m.Version), checkText("server", m.Server, maxName),
		checkText("certificate", m.Certificate, 64*kib), checkText("ca", m.CA, 64*kib))
}

// Check implements Message.
func (m *RenewRequest) Check() error {
	return errors.Join(checkVersion(m.Version), checkText("csr", m.CSR, 32*kib))
}

// Check implements Message.
func (m *RenewResponse) Check() error {
	return errors.Join(checkVersion(m.Version), checkText("certificate", m.Certificate, 64*kib), checkText("ca", m.CA, 64*kib))
}

// Check implements Message.
func (m *Heartbeat) Check() error {
	switch {
	case m.Sent.IsZero():
		return errors.New("sent is missing")
	case m.SpoolBytes < 0:
		return errors.New("spool_bytes is negative")
	case len(m.Unavailable) > maxUnavailable:
		return fmt.Errorf("unavailable lists more than %d observers", maxUnavailable)
	case len(m.Refused) > maxTargets:
		return fmt.Errorf("refused lists more than %d targets", maxTargets)
	}
	for _, u := range m.Unavailable {
		if err := errors.Join(checkText("unavailable.name", u.Name, maxName), checkText("unavailable.reason", u.Reason, maxText)); err != nil {
			return err
		}
	}
	return checkVersion(m.Version)
}

// Check implements Message.
func (m *HeartbeatAnswer) Check() error {
	if m.Now.IsZero() {
		return errors.New("now is missing")
	}
	return checkVersion(m.Version)
}

// Check implements Message. The body is read into the type of its kind, so
// that whoever takes facts over never meets one it cannot read.
func (m *Facts) Check() error {
	into, known := FactKinds()[m.Kind]
	switch {
	case m.Kind == "":
		return errors.New("kind is missing")
	case len(m.Kind) > maxName:
		return errors.New("kind is too long")
	case m.At.IsZero():
		return errors.New("at is missing")
	case m.Hash != HashBody(m.Body):
		return errors.New("hash is not the SHA-256 of body")
	case !known:
		return nil // of a newer agent: keep it, show it, do not read it
	}
	if err := json.Unmarshal(m.Body, into); err != nil {
		return fmt.Errorf("body of %s: %w", m.Kind, err)
	}
	return nil
}

// Check implements Message.
func (m *Targets) Check() error {
	if len(m.Targets) > maxTargets {
		return fmt.Errorf("more than %d targets", maxTargets)
	}
	seen := make(map[string]bool, len(m.Targets))
	for _, t := range m.Targets {
		if err := t.check(); err != nil {
			return fmt.Errorf("target %.60q: %w", t.ID, err)
		}
		if seen[t.ID] {
			return fmt.Errorf("target %.60q stands there twice", t.ID)
		}
		seen[t.ID] = true
	}
	return nil
}

func (t Target) check() error {
	switch {
	case t.Host == "" && t.URL == "":
		return errors.New("neither host nor url")
	case t.Port < 0 || t.Port > 65535:
		return errors.New("port is not between 1 and 65535")
	case t.Interval <= 0 || t.Timeout <= 0:
		return errors.New("interval and timeout must be longer than nothing")
	}
	return errors.Join(checkText("id", t.ID, maxName), checkText("kind", t.Kind, maxName))
}

// Check implements Message.
func (m *ProbeResults) Check() error {
	if len(m.Results) > maxResults {
		return fmt.Errorf("more than %d results", maxResults)
	}
	for i := range m.Results {
		if err := m.Results[i].check(); err != nil {
			return fmt.Errorf("result of %.60q: %w", m.Results[i].Target, err)
		}
	}
	return nil
}

func (r *ProbeResult) check() error {
	seconds := []float64{r.Duration}
	for _, s := range r.Phases {
		seconds = append(seconds, s)
	}
	switch {
	case r.At.IsZero():
		return errors.New("at is missing")
	case len(r.Error) > maxText:
		return errors.New("error is too long")
	case len(r.Phases) > maxPhases:
		return fmt.Errorf("more than %d phases", maxPhases)
	case slices.ContainsFunc(seconds, func(s float64) bool { return s < 0 || math.IsNaN(s) || math.IsInf(s, 0) }):
		return errors.New("a duration is no number of seconds")
	}
	return checkText("target", r.Target, maxName)
}

// Check implements Message.
func (m *Error) Check() error { return checkText("code", m.Code, maxName) }
