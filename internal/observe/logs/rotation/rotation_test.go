package rotation_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/rotation"
)

func read(t testing.TB, files map[string]string) rotation.Configuration {
	t.Helper()
	root := fstest.MapFS{}
	for name, content := range files {
		root[name] = &fstest.MapFile{Data: []byte(content)}
	}
	c, err := rotation.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const debian = `# see "man logrotate" for details
# global options do not affect preceding include directives
weekly
rotate 4
create
#dateext
include /etc/logrotate.d
# system-specific logs may also be configured here.
`

func TestHowLongFilesAreKeptIsReadOfDebiansFiles(t *testing.T) {
	c := read(t, map[string]string{
		"etc/logrotate.conf": debian,
		"etc/logrotate.d/nginx": `/var/log/nginx/*.log {
	daily
	missingok
	rotate 14
	compress
	create 0640 www-data adm
	sharedscripts
	prerotate
		if [ -d /etc/logrotate.d/httpd-prerotate ]; then \
			run-parts /etc/logrotate.d/httpd-prerotate; rotate 99
		fi \
	endscript
	postrotate
		invoke-rc.d nginx rotate >/dev/null 2>&1
	endscript
}
`,
		"etc/logrotate.d/rsyslog": `/var/log/syslog
/var/log/auth.log
{
	rotate 4
	weekly
}
`,
		"etc/logrotate.d/one": `"/srv/my app/a.log" /srv/{b,c}.log {
	monthly rotate 6
}`,
		"etc/logrotate.d/size":         "/srv/size.log {\n size 10M\n rotate 5\n}\n/srv/age.log {\n daily\n rotate 100\n maxage 30\n}\n/srv/all.log {\n rotate -1\n}",
		"etc/logrotate.d/old.dpkg-old": "/srv/none.log { rotate 1 }",
		"etc/logrotate.d/plain":        "/srv/plain.log { }",
	})
	for file, want := range map[string]time.Duration{
		"/var/log/nginx/access.log": 14 * rotation.Day,
		"/var/log/syslog":           28 * rotation.Day,
		"/var/log/auth.log":         28 * rotation.Day,
		"/srv/size.log":             5 * rotation.Day,
		"/srv/age.log":              30 * rotation.Day,
		"/srv/all.log":              rotation.Forever,
		"/srv/none.log":             rotation.Forever,
		"/srv/plain.log":            28 * rotation.Day,
		"/srv/my app/a.log":         6 * 28 * rotation.Day,
	} {
		if got := c.Kept(file); got != want {
			t.Errorf("%s is kept %s, want %s", file, got, want)
		}
	}
}

func TestAMachineWithoutLogrotateKeepsAll(t *testing.T) {
	if got := read(t, nil).Kept("/var/log/syslog"); got != rotation.Forever {
		t.Error(got)
	}
}

func TestAnIncludeOfItselfEnds(t *testing.T) {
	if _, err := rotation.Read(fstest.MapFS{"etc/logrotate.conf": {Data: []byte("include /etc/logrotate.conf\nrotate 3\n/a { }")}}); err == nil {
		t.Log("it was read up to a bound")
	}
}

func TestRealLogrotateTakesWhatIsWrittenAndKeepsAsLong(t *testing.T) {
	bin, err := exec.LookPath("logrotate")
	if err != nil {
		t.Fatal("there is no logrotate; run the tests with `make test`")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "my app.log")
	p := rotation.Policy{Name: "app", Files: []string{log, filepath.Join(dir, "none-*.log")}, Keep: 3*rotation.Day - time.Hour, After: "touch " + filepath.Join(dir, "told")}
	conf := filepath.Join(dir, "conf")
	for _, err := range []error{os.WriteFile(conf, []byte(p.Config()), 0o600), os.WriteFile(log, []byte("a line\n"), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// Each run is a day of its own: what is called after it is deleted by count.
	for _, day := range []string{"01", "02", "03", "04", "05"} {
		if err := os.WriteFile(log, []byte("a line of "+day+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), bin, "--force", "--state", filepath.Join(dir, "state"), conf)
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "error:") {
			t.Fatalf("%v: %s\n%s", err, out, p.Config())
		}
		old, _ := filepath.Glob(log + "-*")
		for _, o := range old {
			// logrotate tells its files by their day: this one was of another.
			if strings.HasSuffix(o, time.Now().Format("20060102")) {
				if err := os.Rename(o, log+"-202601"+day); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "told")); err != nil {
		t.Error("the writer was not told:", err)
	}
	old, _ := filepath.Glob(log + "-*")
	if len(old) < 3 {
		t.Errorf("%d old files are there, want three at least: %v", len(old), old)
	}
	c := read(t, map[string]string{"etc/logrotate.conf": p.Config()})
	if got := c.Kept(log); got != 3*rotation.Day {
		t.Errorf("what was written reads as %s, want three days", got)
	}
}

func TestWhatLogrotateWouldMisunderstandIsRefused(t *testing.T) {
	ok := rotation.Policy{Name: "a", Files: []string{"/a.log"}, Keep: rotation.Day}
	if field, why := ok.Problem(); why != "" {
		t.Error(field, why)
	}
	for want, change := range map[string]func(*rotation.Policy){
		"files":  func(p *rotation.Policy) { p.Files = []string{"a.log"} },
		"after":  func(p *rotation.Policy) { p.After = "true\nendscript" },
		"create": func(p *rotation.Policy) { p.Create = "0640 }" },
	} {
		p := ok
		change(&p)
		if field, why := p.Problem(); field != want || why == "" {
			t.Errorf("the problem is of %q (%s), want %s", field, why, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(debian)
	f.Add("/a {\nrotate 3\n}\n'/b {")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := rotation.Read(fstest.MapFS{"etc/logrotate.conf": {Data: []byte(text)}})
		if err != nil {
			return
		}
		for _, e := range c {
			if e.Keep < 0 {
				t.Errorf("%v is kept %s", e.Files, e.Keep)
			}
		}
	})
}
