package hub

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// DefaultConfig is where a hub looks for its configuration.
const DefaultConfig = "/etc/vigie/hub.yaml"

// Config is a hub's one file: listeners, data folder, state, engines, and
// where the operations repository is. What the company runs stands there.
type Config struct {
	Data       string     `yaml:"data" ops:"required,doc=folder for the state, metrics and the mirror of the operations repository"`
	URL        string     `yaml:"url" ops:"url,doc=address under which people reach the console; links in mails begin with it"`
	MasterKey  secret.Ref `yaml:"master_key" ops:"required,doc=key that seals the keys the hub makes; at least 32 characters"`
	Listen     Listen     `yaml:"listen" ops:"doc=listeners; all on loopback until told otherwise"`
	State      State      `yaml:"state" ops:"doc=where the state lives"`
	Operations Operations `yaml:"operations" ops:"required,doc=the operations repository"`
	Metrics    Metrics    `yaml:"metrics" ops:"doc=the engine of the time series"`
	Logs       Logs       `yaml:"logs" ops:"doc=how log lines are taken in and how much of them is kept"`
	Runs       Runs       `yaml:"runs" ops:"doc=how playbooks are run"`
	Tokens     string     `yaml:"tokens" ops:"doc=file of static tokens for programs; a line each: NAME ROLE TOKEN"`
}

// Listen are the addresses a hub listens on.
type Listen struct {
	Console string `yaml:"console" ops:"default=127.0.0.1:8080,doc=console and API; HOST:PORT"`
	TLS     *TLS   `yaml:"tls" ops:"doc=certificate of the console; without it the console speaks plain HTTP"`
	// Proxies are where the console is reached through; without them everybody
	// behind one counts as one address when attempts to sign in are limited.
	Proxies []string `yaml:"proxies" ops:"cidr,doc=networks of the proxies before the console, whose X-Forwarded-For counts"`
	Agents  string   `yaml:"agents" ops:"default=127.0.0.1:8443,doc=agents, always TLS with the hub's own CA; HOST:PORT"`
	Names   []string `yaml:"agent_names" ops:"address,doc=names and addresses under which agents reach the hub"`
}

// TLS is a certificate and its key in PEM files, read again when they change.
type TLS struct {
	Certificate string `yaml:"certificate" ops:"required"`
	Key         string `yaml:"key" ops:"required"`
}

// State says where the state lives.
type State struct {
	Engine string     `yaml:"engine" ops:"enum=sqlite|postgres,default=sqlite"`
	URL    secret.Ref `yaml:"url" ops:"doc=for postgres: where the connection URL is"`
}

// Operations says where the operations repository is: a directory, or a git
// URL with a branch.
type Operations struct {
	Directory string           `yaml:"directory"`
	Git       string           `yaml:"git"`
	Branch    string           `yaml:"branch" ops:"default=main"`
	Interval  opsrepo.Duration `yaml:"interval" ops:"default=30s,min=1s,doc=how often to look for a new commit"`
	Token     secret.Ref       `yaml:"token" ops:"doc=for https: where the password or token is that reads the repository"`
	Secrets   []string         `yaml:"secrets" ops:"default=/etc/vigie/secrets,doc=folders of the files that channels may name as secrets"`
}

// Metrics says where the time series live.
type Metrics struct {
	Engine          string           `yaml:"engine" ops:"enum=embedded|remote,default=embedded"`
	RawRetention    opsrepo.Duration `yaml:"raw_retention" ops:"default=15d,min=1h"`
	RawSize         int64            `yaml:"raw_size_bytes" ops:"min=0,doc=oldest raw series go when they take more; 0 for no limit"`
	RollupRetention opsrepo.Duration `yaml:"rollup_retention" ops:"default=400d,min=1d"`
	RollupSize      int64            `yaml:"rollup_size_bytes" ops:"min=0,doc=oldest condensed series go when they take more; 0 for no limit"`
	WriteURL        string           `yaml:"write_url" ops:"url,doc=for remote: Prometheus remote write"`
	QueryURL        string           `yaml:"query_url" ops:"url,doc=for remote: base of the Prometheus HTTP API"`
	// RuleInterval is how often rules run.
	RuleInterval opsrepo.Duration `yaml:"rule_interval" ops:"default=15s,min=1s"`
}

// Runs says as whom and with what Ansible is started. Runs need a hub that is
// started as root; without one everything else works.
type Runs struct {
	User        string `yaml:"user" ops:"default=vigie-run,doc=user of this machine that every Ansible process runs as; nobody else's"`
	Ansible     string `yaml:"ansible" ops:"doc=folder of ansible-playbook, such as that of a virtual environment; the usual ones if absent"`
	Concurrency int    `yaml:"concurrency" ops:"default=4,min=1,max=100,doc=how many runs there may be at a time"`
	// Vaults are read here, not named in the operations repository, where a
	// command would be anybody's who can push.
	Vaults []Vault `yaml:"vaults" ops:"doc=passwords of vaults of the operations repository that this hub gets in its own way"`
}

// Vault is where the password of a vault of the operations repository is.
type Vault struct {
	Slug     string     `yaml:"slug" ops:"required,slug"`
	Password secret.Ref `yaml:"password" ops:"required"`
}

// LoadConfig reads a hub's file and reports every mistake in it.
func LoadConfig(file string) (Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("read the hub's configuration: %w", err)
	}
	return ParseConfig(file, b)
}

// ParseConfig reads the content of a hub's file.
func ParseConfig(file string, content []byte) (Config, error) {
	c, doc := opsrepo.DecodeFile[Config](file, content)
	wrong := func(path, format string, args ...any) { doc.Errorf(doc.At(path), format, args...) }
	given := func(path, value string) bool { return value != "" || doc.Refused(path) }
	for path, address := range map[string]string{"listen.console": c.Listen.Console, "listen.agents": c.Listen.Agents} {
		if !canListen(address) {
			wrong(path, "%q is no address to listen on; write HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:8080", address)
		}
	}
	for _, pattern := range logs.CheckDocuments(c.Logs.Documents) {
		wrong("logs.documents", "%q is no pattern of indices that begins with a name of three letters at least; write it like elastalert_status*", pattern)
	}
	taken := map[string]string{}
	c.Logs.each(func(path, address string) {
		if !canListen(address) {
			wrong(path, "%q is no address to listen on; write HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:9200", address)
			return
		}
		if path == "logs.syslog.udp" {
			return // of another kind than all others
		}
		for other, at := range map[string]string{"listen.console": c.Listen.Console, "listen.agents": c.Listen.Agents} {
			taken[other] = at
		}
		for other, at := range taken {
			if sameListener(address, at) {
				wrong(path, "%q is taken by %s, %q; write another port", address, other, at)
			}
		}
		taken[path] = address
	})
	if c.Logs.Syslog.TLS != "" && c.Logs.Syslog.Certificate == nil && !doc.Refused("logs.syslog.certificate") {
		wrong("logs.syslog.tls", "syslog over TLS needs a certificate; write certificate: {certificate: PATH, key: PATH} beside it")
	}
	if sameListener(c.Listen.Console, c.Listen.Agents) {
		wrong("listen.agents", "%q is taken by listen.console, %q; write another port", c.Listen.Agents, c.Listen.Console)
	}
	for i, name := range c.Listen.Names {
		if name == "" {
			wrong(opsrepo.Index("listen.agent_names", i), "a name is empty; write an IPv4 or IPv6 address or a host name, without port or scheme")
		}
	}
	if c.Data != "" && !filepath.IsAbs(c.Data) {
		wrong("data", "%q depends on where the hub is started; write an absolute path", c.Data)
	}
	if c.State.Engine == string(db.Postgres) && c.State.URL.IsZero() && !doc.Refused("state.url") {
		wrong("state", "the engine postgres needs a URL; write url: {file: PATH}, {env: NAME} or {command: [PROGRAM]}")
	}
	if c.State.Engine == string(db.SQLite) && !c.State.URL.IsZero() {
		wrong("state.url", "the engine sqlite has no URL; its file is in the data folder. Remove url, or write engine: postgres")
	}
	if given("operations.directory", c.Operations.Directory) == given("operations.git", c.Operations.Git) && !doc.Refused("operations") {
		wrong("operations", "the operations repository is in one place; write directory: PATH or git: URL")
	}
	if c.Operations.Git != "" {
		if err := opsrepo.CheckGitURL(c.Operations.Git); err != nil {
			wrong("operations.git", "%v", err)
		}
		if err := opsrepo.CheckBranch(c.Operations.Branch); err != nil {
			wrong("operations.branch", "%v", err)
		}
	}
	if dir := c.Runs.Ansible; dir != "" && !filepath.IsAbs(dir) {
		wrong("runs.ansible", "%q depends on where the hub is started; write an absolute path", dir)
	}
	if dir := c.Operations.Directory; dir != "" && !filepath.IsAbs(dir) {
		wrong("operations.directory", "%q depends on where the hub is started; write an absolute path", dir)
	}
	remote := c.Metrics.Engine == "remote"
	if remote && !(given("metrics.write_url", c.Metrics.WriteURL) && given("metrics.query_url", c.Metrics.QueryURL)) {
		wrong("metrics", "the engine remote needs write_url and query_url")
	}
	if c.Metrics.Engine == "embedded" && (c.Metrics.WriteURL != "" || c.Metrics.QueryURL != "") {
		wrong("metrics", "write_url and query_url are for the engine remote; write engine: remote, or remove them")
	}
	if problems := doc.Problems(); len(problems) > 0 {
		return Config{}, problems
	}
	return c, nil
}

// canListen reports whether an address is one of this machine's, as far as it
// can be seen from its form. An empty host is all of them.
func canListen(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !opsrepo.ValidPort(port) {
		return false
	}
	return host == "" || opsrepo.ValidAddress(host)
}

// sameListener reports whether two listeners want one port of one address.
func sameListener(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB {
		return false
	}
	every := []string{"", "0.0.0.0", "::"}
	return hostA == hostB || slices.Contains(every, hostA) || slices.Contains(every, hostB)
}

// Address is where people reach the console: the URL of the file, or the
// listener's own.
func (c Config) Address() string { return c.address(c.Listen.Console) }

func (c Config) address(listening string) string {
	if c.URL != "" {
		return strings.TrimSuffix(c.URL, "/")
	}
	scheme := "http"
	if c.Listen.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + listening
}

// grace is how long a stopping hub waits for requests that are under way.
const grace = 10 * time.Second
