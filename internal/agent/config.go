package agent

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet/fleetagent"
	"github.com/vigie-ops/vigie/internal/lib/certfile"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/lib/suggest"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricsagent"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// DefaultConfig is where an agent looks for its configuration.
const DefaultConfig = "/etc/vigie/agent.yaml"

// Config is an agent's one file. The name of the server does not stand in it:
// it comes with the certificate.
type Config struct {
	Hubs          []Hub    `yaml:"hubs" ops:"required,doc=hubs this server reports to, each gets everything"`
	DataDir       string   `yaml:"data_dir" ops:"default=/var/lib/vigie-agent,doc=folder for certificates and what waits to be sent"`
	Collect       Collect  `yaml:"collect" ops:"doc=what to observe"`
	ProbeNetworks []string `yaml:"probe_networks" ops:"cidr,doc=networks whose addresses hubs may ask this server to probe; none without it"`
	Certificates  []string `yaml:"certificates" ops:"doc=patterns of certificate files to watch"`
	Spool         Spool    `yaml:"spool" ops:"doc=limits of what waits to be sent"`
	Logs          Logs     `yaml:"logs" ops:"doc=which log lines are sent; none without it"`
}

// Hub is one hub to report to.
type Hub struct {
	Name  string     `yaml:"name" ops:"doc=name of its folder on this server; made from the URL without it"`
	URL   string     `yaml:"url" ops:"required,url,doc=https://HOST:PORT of the hub's listener for agents"`
	Token secret.Ref `yaml:"token" ops:"doc=where the enrolment token is, to enrol at the first start"`
}

// Collect says what to observe and how often.
type Collect struct {
	Interval opsrepo.Duration `yaml:"interval" ops:"default=10s,doc=how often metrics are read; 5s to 5m"`
	Disable  []string         `yaml:"disable" ops:"doc=collectors and kinds of facts that do not run"`
}

// Spool limits what waits for a hub that is away.
type Spool struct {
	MaxAge       opsrepo.Duration `yaml:"max_age" ops:"default=48h,doc=what is older is dropped; hubs take 48h"`
	MaxMegabytes int              `yaml:"max_megabytes" ops:"default=512,min=16,max=65536,doc=what is more is dropped, oldest first"`
}

// LoadConfig reads an agent's file and reports every mistake in it.
func LoadConfig(file string) (Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("read the agent's configuration: %w", err)
	}
	return ParseConfig(file, b)
}

// ParseConfig reads the content of an agent's file.
func ParseConfig(file string, content []byte) (Config, error) {
	c, doc := opsrepo.DecodeFile[Config](file, content)
	wrong := func(path, format string, args ...any) { doc.Errorf(doc.At(path), format, args...) }
	if c.DataDir != "" && !filepath.IsAbs(c.DataDir) {
		wrong("data_dir", "%q depends on where the agent is started; write an absolute path", c.DataDir)
	}
	if d := time.Duration(c.Collect.Interval); d < 5*time.Second || d > 5*time.Minute {
		wrong("collect.interval", "%s is no interval to collect at; write 5s to 5m", d)
	}
	if d := time.Duration(c.Spool.MaxAge); d < time.Hour || d > 48*time.Hour {
		wrong("spool.max_age", "%s is no age to keep; write 1h to 48h, which is as old as hubs take", d)
	}
	for i, name := range c.Collect.Disable {
		if message := checkCollector(name); message != "" {
			wrong(fmt.Sprintf("collect.disable.%d", i), "%s", message)
		}
	}
	for i, p := range c.Certificates {
		if err := certfile.CheckPattern(p); err != nil {
			wrong(fmt.Sprintf("certificates.%d", i), "%v", err)
		}
	}
	c.checkHubs(doc, wrong)
	c.Logs.check(wrong)
	if problems := doc.Problems(); len(problems) > 0 {
		return Config{}, problems
	}
	if len(c.Certificates) == 0 {
		c.Certificates = certfile.Defaults()
	}
	return c, nil
}

// checkHubs checks the hubs together and names those that have no name.
func (c *Config) checkHubs(doc *opsrepo.Document, wrong func(path, format string, args ...any)) {
	if c.Hubs != nil && len(c.Hubs) == 0 {
		wrong("hubs", "hubs is empty; write - url: https://HOST:PORT for each hub this server reports to")
	}
	names, urls := map[string]bool{}, map[string]bool{}
	for i := range c.Hubs {
		h, place := &c.Hubs[i], fmt.Sprintf("hubs.%d", i)
		if doc.Refused(place + ".url") {
			continue
		}
		u, err := url.Parse(h.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			wrong(place+".url", "%q is no hub; write https://HOST:PORT, nothing behind it", h.URL)
			continue
		}
		h.URL = "https://" + u.Host
		if urls[h.URL] {
			wrong(place+".url", "the hub %s stands there twice; each gets everything, so name it once", h.URL)
			continue
		}
		urls[h.URL] = true
		if h.Name == "" {
			h.Name = hubName(u.Host)
		}
		if h.Name != hubName(h.Name) {
			wrong(place+".name", "hub name %q is used as a file name; write letters, digits, dots, dashes", h.Name)
		}
		if names[h.Name] {
			wrong(place+".name", "two hubs are called %q; give one of them another name", h.Name)
		}
		names[h.Name] = true
	}
}

// hubName makes a file name of a host and port.
func hubName(host string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, host)
	return strings.TrimLeft(name, ".")
}

// checkCollector says what is wrong with a name under collect.disable.
func checkCollector(name string) string {
	all := append(metricsagent.Names(), fleetagent.Kinds()...)
	if slices.Contains(all, name) {
		return ""
	}
	if near, ok := suggest.Nearest(name, all); ok {
		return fmt.Sprintf("there is no collector %q; did you mean %q?", name, near)
	}
	slices.Sort(all)
	return fmt.Sprintf("there is no collector %q; there are %s", name, strings.Join(slices.Compact(all), ", "))
}

// networks returns the networks that may be probed.
func (c Config) networks() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range c.ProbeNetworks {
		if p, err := netip.ParsePrefix(s); err == nil { // ParseConfig checked it
			all = append(all, p.Masked())
		}
	}
	return all
}

// hubDir is where what belongs to one hub lies.
func hubDir(dataDir, hub string) string { return filepath.Join(dataDir, "hubs", hub) }
