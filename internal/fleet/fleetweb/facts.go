package fleetweb

import (
	"cmp"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/wire"
)

// knownFacts is what an agent said of its server, by kind; a kind that did not
// arrive, or that this hub cannot read, is left out.
type knownFacts struct {
	os    wire.OS
	kinds map[string]factTable
}

// factTable is one kind of fact, as rows of words.
type factTable struct {
	kind, title string
	at          time.Time
	summary     string // stands in the panel's heading
	empty       string // what an empty list means
	columns     []ui.Column
	rows        [][]cell
}

// cell is one value of a fact.
type cell struct {
	text  string
	under string
	mono  bool
	kind  ui.Kind // of a state; "" is plain text
}

// factPanel is a kind of fact on the page of its server: the first rows, and
// the way to all of them.
type factPanel struct {
	factTable
	note string
	href string
	rest int
}

// shownRows is how many rows of one kind the page of a server shows.
const shownRows = 8

// factOrder is the order of the panels. Packages are too many for a panel and
// have a page of their own.
var factOrder = []string{wire.FactPorts, wire.FactStale, wire.FactUsers, wire.FactCertificates, wire.FactMounts, wire.FactSSHHostKeys}

// readFacts reads what was stored. What agents send is checked when it comes
// in, so a body that does not parse is one of a newer agent: it is left out.
func readFacts(facts []fleet.Fact) knownFacts {
	k := knownFacts{kinds: map[string]factTable{}}
	for _, fact := range facts {
		if fact.Kind == wire.FactOS {
			_ = json.Unmarshal(fact.Body, &k.os)
		}
		if t, ok := tableOf(fact); ok {
			k.kinds[fact.Kind] = t
		}
	}
	return k
}

// short returns the facts that need one line.
func (k knownFacts) short() []ui.Fact {
	var out []ui.Fact
	if k.os.PrettyName != "" {
		out = append(out,
			ui.Fact{Name: "System", Value: k.os.PrettyName},
			ui.Fact{Name: "Kernel", Value: k.os.Kernel, Mono: true},
			ui.Fact{Name: "Machine", Value: ui.Count(k.os.CPUs, "core", "cores") + ", " + ui.Bytes(float64(k.os.MemoryBytes)) + ", " + k.os.Architecture},
		)
		if k.os.Hostname != "" {
			out = append(out, ui.Fact{Name: "Calls itself", Value: k.os.Hostname, Mono: true})
		}
	}
	return out
}

// panels returns the kinds that have arrived, in order.
func (k knownFacts) panels(server string, now time.Time) []factPanel {
	var out []factPanel
	for _, kind := range factOrder {
		t, ok := k.kinds[kind]
		if !ok {
			continue
		}
		p := factPanel{factTable: t, note: t.note(now), href: factHref(server, kind)}
		if len(p.rows) > shownRows {
			p.rest = len(p.rows) - shownRows
			p.rows = p.rows[:shownRows]
		}
		out = append(out, p)
	}
	return out
}

// packages returns the short fact that leads to the list of packages.
func (k knownFacts) packages(server string) (ui.Fact, bool) {
	t, ok := k.kinds[wire.FactPackages]
	if !ok {
		return ui.Fact{}, false
	}
	return ui.Fact{Name: "Packages", Value: t.summary, Href: factHref(server, wire.FactPackages)}, true
}

func factHref(server, kind string) string { return "/servers/" + server + "/facts/" + kind }

func (t factTable) note(now time.Time) string {
	return t.summary + ", checked " + ui.Ago(now.Sub(t.at))
}

// tableOf puts a fact into words.
func tableOf(fact fleet.Fact) (factTable, bool) {
	body, known := wire.FactKinds()[fact.Kind]
	if !known || json.Unmarshal(fact.Body, body) != nil {
		return factTable{}, false
	}
	t := factTable{kind: fact.Kind, at: fact.At}
	switch b := body.(type) {
	case *wire.OS:
		t.title, t.summary = "System", b.PrettyName
		t.columns = columns("Fact", "Value")
		for _, f := range (knownFacts{os: *b}).short() {
			t.rows = append(t.rows, []cell{{text: f.Name}, {text: f.Value, mono: f.Mono}})
		}
	case *wire.Packages:
		t.title, t.summary = "Packages", ui.Count(len(b.Packages), "package", "packages")+" of "+b.Manager
		t.empty = "The package manager lists no package."
		t.columns = columns("Package", "Version", "Architecture")
		for _, p := range b.Packages {
			name := cell{text: p.Name}
			if p.Source != "" && p.Source != p.Name {
				name.under = "from " + p.Source
			}
			t.rows = append(t.rows, []cell{name, {text: p.Version, mono: true}, {text: p.Architecture}})
		}
	case *wire.Ports:
		t.title, t.summary = "Listening", ui.Count(len(b.Ports), "port", "ports")
		t.empty = "No process listens on a port."
		t.columns = columns("Port", "Process", "Reached from")
		for _, p := range b.Ports {
			t.rows = append(t.rows, []cell{{text: strconv.Itoa(p.Port) + "/" + p.Protocol, mono: true}, {text: cmp.Or(p.Process, "–")}, reach(p.Address)})
		}
	case *wire.Users:
		t.title, t.summary = "Who can log in", ui.Count(len(b.Users), "account", "accounts")
		t.empty = "No account has a login shell."
		t.columns = columns("Account", "Shell", "Keys")
		for _, u := range b.Users {
			t.rows = append(t.rows, []cell{{text: u.Name, under: u.Home}, {text: u.Shell, mono: true}, {text: ui.Count(u.AuthorizedKeys, "key", "keys")}})
		}
	case *wire.Mounts:
		t.title, t.summary = "Mounts", ui.Count(len(b.Mounts), "file system", "file systems")
		t.empty = "No file system of a device or of the network is mounted."
		t.columns = columns("Path", "Device", "Type")
		for _, m := range b.Mounts {
			t.rows = append(t.rows, []cell{{text: m.Path, mono: true}, {text: m.Device, mono: true}, {text: m.Type, under: strings.Join(m.Options, ", ")}})
		}
	case *wire.Certificates:
		t.title, t.summary = "Certificates on disk", ui.Count(len(b.Certificates), "certificate", "certificates")
		t.empty = "No certificate was found where the agent looks."
		t.columns = columns("For", "Valid until")
		for _, c := range b.Certificates {
			t.rows = append(t.rows, []cell{{text: cmp.Or(strings.Join(c.Names, ", "), c.Subject, "–"), under: c.Path}, validity(c, fact.At)})
		}
	case *wire.SSHHostKeys:
		t.title, t.summary = "SSH host keys", ui.Count(len(b.Keys), "key", "keys")
		t.empty = "No host key of sshd was found."
		t.columns = columns("Fingerprint", "Type")
		for _, line := range b.Keys {
			key, ok := fleet.ParseHostKey(line)
			if !ok {
				t.rows = append(t.rows, []cell{{text: "cannot be read", kind: ui.Quiet}, {text: "–"}})
				continue
			}
			t.rows = append(t.rows, []cell{{text: ssh.FingerprintSHA256(key), mono: true}, {text: key.Type(), mono: true}})
		}
	case *wire.Stale:
		t.title, t.summary = "Old libraries in use", ui.Count(len(b.Processes), "process", "processes")
		t.empty = "Every process runs the code that lies on disk."
		t.columns = columns("Process", "Restart", "Deleted files it maps")
		for _, p := range b.Processes {
			name := cell{text: p.Process, kind: ui.Warn}
			if p.Count > 1 {
				name.under = ui.Count(p.Count, "process", "processes")
			}
			t.rows = append(t.rows, []cell{name, {text: cmp.Or(p.Unit, "–"), mono: true}, files(p.Files)})
		}
	}
	return t, true
}

func columns(words ...string) []ui.Column {
	out := make([]ui.Column, len(words))
	for i, w := range words {
		out[i] = ui.Column{Text: w}
	}
	return out
}

// reach says who can connect to an address.
func reach(address string) cell {
	ip := net.ParseIP(strings.Trim(address, "[]"))
	switch {
	case ip == nil:
		return cell{text: address, mono: true}
	case ip.IsUnspecified():
		return cell{text: "everywhere"}
	case ip.IsLoopback():
		return cell{text: "this machine only"}
	}
	return cell{text: address, mono: true}
}

// expiresSoon is when a certificate on disk is worth a word.
const expiresSoon = 21 * 24 * time.Hour

func validity(c wire.Certificate, at time.Time) cell {
	if c.Error != "" {
		return cell{text: "cannot be read", under: c.Error, kind: ui.Quiet}
	}
	day := c.NotAfter.UTC().Format("2 January 2006")
	switch {
	case c.NotAfter.Before(at):
		return cell{text: "expired on " + day, kind: ui.Bad}
	case c.NotAfter.Before(at.Add(expiresSoon)):
		return cell{text: day, kind: ui.Warn}
	}
	return cell{text: day}
}

func files(paths []string) cell {
	switch len(paths) {
	case 0:
		return cell{text: "–"}
	case 1:
		return cell{text: paths[0], mono: true}
	}
	return cell{text: paths[0], mono: true, under: "and " + ui.Count(len(paths)-1, "more file", "more files")}
}
