package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// cluster is a PostgreSQL of a story's own.
type cluster struct {
	t    *testing.T
	port string
	home string
}

// startCluster starts one and has the stories' hubs use it.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	home, err := os.MkdirTemp("/var/tmp", "vigie-story-postgres-") //nolint:usetesting // a place the user postgres may enter
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(freeAddress(t))
	c := &cluster{t: t, port: port, home: home}
	t.Cleanup(func() {
		c.do("stop")
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	url := regexp.MustCompile(`'(.*)'`).FindStringSubmatch(c.do("start"))
	if url == nil {
		t.Fatal("scripts/test-postgres prints no URL")
	}
	// That script has nothing wait for the disk; here an answer must be kept.
	t.Setenv("VIGIE_TEST_POSTGRES", url[1]+"&synchronous_commit=on")
	return c
}

// do starts or stops it.
func (c *cluster) do(verb string) string {
	c.t.Helper()
	script, err := filepath.Abs("../scripts/test-postgres")
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(script, verb)
	cmd.Env = append(os.Environ(), "VIGIE_TEST_POSTGRES_PORT="+c.port, "VIGIE_TEST_POSTGRES_HOME="+c.home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("test-postgres %s: %v\n%s", verb, err, out)
	}
	return string(out)
}

// TestPostgreSQLIsAwayForAWhile stops the PostgreSQL under a running hub and
// starts it again.
func TestPostgreSQLIsAwayForAWhile(t *testing.T) {
	c := startCluster(t)
	s := startSink(t, nil)
	h := startHub(t, hubOptions{operations: watchCompany(s.port()), postgres: true})
	d := &driver{t: t, hub: h, sink: s}
	n := 0
	alert := func() error {
		n++
		a := &tracked{token: fmt.Sprintf("T%05d", n), severity: "critical", batch: fmt.Sprintf("B%05d", n)}
		_, _, err := once("POST", h.endpoints.Console+"/api/v2/alerts", h.token, asJSON, alertJSON(a, time.Now().Add(time.Hour)))
		if err == nil {
			d.all = append(d.all, a)
		}
		return err
	}
	for range 5 {
		if err := alert(); err != nil {
			t.Fatal(err)
		}
	}
	c.do("stop")
	ready := func() (int, string) {
		status, why, err := call("GET", h.endpoints.Console+"/readyz", "", nil)
		if err != nil {
			return 0, err.Error()
		}
		return status, strings.TrimSpace(string(why))
	}
	within(t, 15*time.Second, "the hub says that it is not ready", func() error {
		if status, why := ready(); status != http.StatusServiceUnavailable {
			return fmt.Errorf("%d %s", status, why)
		}
		return nil
	})
	_, why := ready()
	t.Logf("without PostgreSQL readyz says: %s", why)
	for range 3 {
		if err := alert(); err == nil {
			t.Error("without PostgreSQL an alert is answered for")
		}
	}
	<-time.After(3 * time.Second)
	h.alive()
	c.do("start")
	began := time.Now()
	within(t, 60*time.Second, "the hub is ready again", func() error {
		if status, why := ready(); status != http.StatusOK {
			return fmt.Errorf("%d %s", status, why)
		}
		return alert()
	})
	t.Logf("it works again %v after PostgreSQL", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	within(t, 60*time.Second, "people are told again", func() error {
		told := d.tellings()
		for _, a := range d.alerts() {
			if len(told["firing "+a.token]) != 2 {
				return fmt.Errorf("%s was told to %v", a.token, told["firing "+a.token])
			}
		}
		return nil
	})
	t.Logf("everybody is told after %v", time.Since(began).Round(time.Millisecond))
	board := d.board()
	for _, a := range d.alerts() {
		if _, ok := board[a.token]; !ok {
			t.Errorf("alert %s was answered for and is lost", a.token)
		}
	}
	h.stop()
}
