package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shippersOf is the folder of programs that ship logs, which scripts/setup
// fetched.
func shippersOf(t testing.TB, name string) string {
	t.Helper()
	cache := os.Getenv("VIGIE_TEST_CACHE")
	if cache == "" {
		t.Fatal("VIGIE_TEST_CACHE is not set: run the tests with `make test`")
	}
	dir := filepath.Join(cache, name)
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("there is no %s: run scripts/setup test", dir)
	}
	return dir
}

// logHub is a hub that takes logs in every way it knows.
type logHub struct {
	*hub
	elastic, otlp, loki  string // addresses, HOST:PORT
	tcp, udp, tls, token string
	ca                   string // file of the certificate of tls
}

// shipperToken may write and read logs, and nothing else.
const shipperToken = "story-shipper-1a2b3c4d5e6f7081"

func startLogHub(t testing.TB) *logHub {
	t.Helper()
	dir := t.TempDir()
	h := &logHub{
		elastic: freeAddress(t), otlp: freeAddress(t), loki: freeAddress(t), tcp: freeAddress(t), tls: freeAddress(t), udp: freeAddress(t),
		token: shipperToken, ca: filepath.Join(dir, "syslog.crt"),
	}
	makeCertificate(t, h.ca, filepath.Join(dir, "syslog.key"))
	put(t, filepath.Join(dir, "log-tokens"), "shipper read,write "+shipperToken+"\n", 0o600)
	h.hub = startHub(t, hubOptions{more: fmt.Sprintf(`logs:
  tokens: %s
  elasticsearch: {listen: %q}
  otlp: {listen: %q}
  loki: {listen: %q}
  syslog: {tcp: %q, udp: %q, tls: %q, certificate: {certificate: %s, key: %s}}
`, filepath.Join(dir, "log-tokens"), h.elastic, h.otlp, h.loki, h.tcp, h.udp, h.tls, h.ca, filepath.Join(dir, "syslog.key"))})
	h.endpoints.Elasticsearch = "http://" + h.elastic
	return h
}

// makeCertificate writes a certificate for loopback that signs itself.
func makeCertificate(t testing.TB, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hub.halyard.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"hub.halyard.example", "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	put(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), 0o600)
}

// counted waits until so many lines match, and fails where there are more.
func (h *logHub) counted(what, query string, want int) {
	h.t.Helper()
	var last int
	within(h.t, 40*time.Second, fmt.Sprintf("%d lines of %s", want, what), func() error {
		out, err := elastic[struct{ Count int }](h.demo, http.MethodGet, "/_count?"+url.Values{"q": {query}}.Encode(), "")
		if last = out.Count; err != nil || last < want {
			return fmt.Errorf("%d of %s: %w", last, query, errOr(err))
		}
		return nil
	})
	if last != want {
		h.t.Errorf("%d lines of %s, want %d", last, what, want)
	}
}

// line is the newest line that matches, as a document.
func (h *logHub) line(query string) map[string]any {
	h.t.Helper()
	out, err := elastic[struct {
		Hits struct {
			Hits []struct {
				Source map[string]any `json:"_source"`
			}
		}
	}](h.demo, http.MethodGet, "/_search?"+url.Values{"q": {query}, "size": {"1"}, "sort": {"@timestamp:desc"}}.Encode(), "")
	if err != nil || len(out.Hits.Hits) == 0 {
		h.t.Fatalf("no line matches %s: %v", query, err)
	}
	return out.Hits.Hits[0].Source
}

// at is a value of a document by its dotted name.
func at(doc map[string]any, name string) any {
	if v, ok := doc[name]; ok {
		return v
	}
	head, rest, ok := strings.Cut(name, ".")
	if inner, isMap := doc[head].(map[string]any); ok && isMap {
		return at(inner, rest)
	}
	return nil
}

// has checks values of a document.
func (h *logHub) has(query string, want map[string]any) {
	h.t.Helper()
	doc := h.line(query)
	for name, value := range want {
		if got := at(doc, name); fmt.Sprint(got) != fmt.Sprint(value) {
			h.t.Errorf("%s of %s is %v, want %v; the line is %v", name, query, got, value, doc)
		}
	}
}

// written is a file of so many lines.
func written(t testing.TB, name, what string, n int) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s %d of the story, with \"quotes\" and ümlauts\n", what, i)
	}
	put(t, name, b.String(), 0o644)
	return name
}

// TestRsyslogShips has a real rsyslogd read files and forward their lines to an
// Elasticsearch and over syslog, in the old form and the new.
func TestRsyslogShips(t *testing.T) {
	t.Parallel()
	h := startLogHub(t)
	root, dir := shippersOf(t, "rsyslog"), t.TempDir()
	const n = 500
	var conf strings.Builder
	fmt.Fprintf(&conf, `global(workDirectory="%s" defaultNetstreamDriverCAFile="%s")
module(load="imfile" pollingInterval="1")
module(load="omelasticsearch")
template(name="doc" type="list" option.jsonf="on") {
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="app" name="programname" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}
ruleset(name="elastic") { action(type="omelasticsearch" server="127.0.0.1" serverport="%s" searchIndex="rsys" searchType="_doc" template="doc" bulkmode="on" retryfailures="on"
  uid="shipper" pwd="%s" queue.type="LinkedList" queue.dequeueBatchSize="100" action.resumeRetryCount="-1" action.resumeInterval="1") }
`, dir, h.ca, port(h.elastic), h.token)
	forward := func(name, protocol, address, template, more string) {
		fmt.Fprintf(&conf, `ruleset(name="%s") { action(type="omfwd" target="127.0.0.1" port="%s" protocol="%s" template="%s" action.resumeRetryCount="-1" action.resumeInterval="1" %s) }
`, name, port(address), protocol, template, more)
	}
	forward("tcp3164", "tcp", h.tcp, "RSYSLOG_TraditionalForwardFormat", "")
	forward("tcp5424", "tcp", h.tcp, "RSYSLOG_SyslogProtocol23Format", `TCP_Framing="octet-counted"`)
	forward("udp", "udp", h.udp, "RSYSLOG_SyslogProtocol23Format", "")
	forward("tls", "tcp", h.tls, "RSYSLOG_SyslogProtocol23Format", `TCP_Framing="octet-counted" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="hub.halyard.example"`)
	ways := []string{"elastic", "tcp3164", "tcp5424", "udp", "tls"}
	for _, way := range ways {
		lines := n
		if way == "udp" {
			lines = 50 // the kernel may drop what comes faster than it is read
		}
		file := written(t, filepath.Join(dir, way+".log"), way, lines)
		fmt.Fprintf(&conf, "input(type=\"imfile\" file=\"%s\" tag=\"%s-app:\" severity=\"warning\" facility=\"local3\" ruleset=\"%s\")\n", file, way, way)
	}
	put(t, filepath.Join(dir, "rsyslog.conf"), conf.String(), 0o600)
	p := startProgramIn(t, []string{"LD_LIBRARY_PATH=" + filepath.Join(root, "usr/lib/x86_64-linux-gnu")}, filepath.Join(root, "usr/sbin/rsyslogd"),
		"-n", "-f", filepath.Join(dir, "rsyslog.conf"), "-i", filepath.Join(dir, "pid"), "-M", filepath.Join(root, "usr/lib/x86_64-linux-gnu/rsyslog"))
	defer p.kill()
	for _, way := range ways {
		lines := n
		if way == "udp" {
			lines = 50
		}
		h.counted(way, fmt.Sprintf(`service.name:"%s-app" AND message:"of the story"`, way), lines)
		h.has(fmt.Sprintf(`service.name:"%s-app"`, way), map[string]any{"log.level": "warning"})
	}
	h.has(`service.name:"tls-app"`, map[string]any{"log.syslog.facility.name": "local3"})
	h.has(`_index:rsys`, map[string]any{"service.name": "elastic-app"})
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

// TestSyslogNGShips has a real syslog-ng forward a file over TCP and TLS.
func TestSyslogNGShips(t *testing.T) {
	t.Parallel()
	h := startLogHub(t)
	root, dir := shippersOf(t, "syslog-ng"), t.TempDir()
	const n = 500
	file := written(t, filepath.Join(dir, "ng.log"), "ng", n)
	if err := os.Mkdir(filepath.Join(dir, "ca"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "syslog-ng.conf"), fmt.Sprintf(`@version: current
options { keep-hostname(yes); stats-freq(0); };
source s { file("%s" flags(no-parse) program-override("ng-app") follow-freq(0.2) read-old-records(yes)); };
destination old { network("127.0.0.1" port(%s) transport("tcp") template("<134>${DATE} app-01 old-app: ${MESSAGE}\n")); };
destination new { syslog("127.0.0.1" port(%s) transport("tcp") persist-name("new")); };
destination tls { syslog("127.0.0.1" port(%s) transport("tls") tls(peer-verify(required-trusted) ca-file("%s"))); };
log { source(s); destination(old); destination(new); destination(tls); };
`, file, port(h.tcp), port(h.tcp), port(h.tls), h.ca), 0o600)
	lib := filepath.Join(root, "usr/lib")
	p := startProgramIn(t, []string{"LD_LIBRARY_PATH=" + strings.Join([]string{filepath.Join(lib, "x86_64-linux-gnu"), filepath.Join(root, "lib/x86_64-linux-gnu"), filepath.Join(lib, "syslog-ng")}, ":")},
		filepath.Join(root, "usr/sbin/syslog-ng"), "--foreground", "--stderr", "--cfgfile", filepath.Join(dir, "syslog-ng.conf"), "--persist-file", filepath.Join(dir, "persist"),
		"--pidfile", filepath.Join(dir, "pid"), "--control", filepath.Join(dir, "ctl"), "--module-path", modulesOf(t, lib), "--no-caps")
	defer p.kill()
	h.counted("syslog-ng, in the old form", `service.name:"old-app" AND message:"of the story"`, n)
	h.counted("syslog-ng, in the new form, over TCP and TLS", `service.name:"ng-app" AND message:"of the story"`, 2*n)
	h.has(`service.name:"old-app"`, map[string]any{"log.syslog.facility.name": "local0", "log.level": "info"})
}

// modulesOf is where syslog-ng has its modules.
func modulesOf(t testing.TB, lib string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(lib, "syslog-ng/*/libafsocket.so"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("syslog-ng has no modules in %s: %v", lib, err)
	}
	return filepath.Dir(dirs[0])
}

// node runs a script of Node.js with packages of the shippers.
func node(t testing.TB, script string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join("testdata/shippers", script)}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(shippersOf(t, "shippers"), "node_modules"), "NODE_NO_WARNINGS=1")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, tail(errs.String(), 4000))
	}
	return out
}

// TestTheClientsOfElasticsearchsMakersWork ships and searches with two versions
// of their client for Node.js.
func TestTheClientsOfElasticsearchsMakersWork(t *testing.T) {
	t.Parallel()
	h := startLogHub(t)
	const n = 1200
	for _, client := range []string{"@elastic/elasticsearch", "elasticsearch9"} {
		var got struct {
			Shipped, Failed, Again, Total, Scrolled, Paged, One, Mistake int
			Dropped                                                      [][]any
			Newest                                                       string
			Services                                                     [][]any
			Exists, Unknown                                              bool
			Types                                                        []string
		}
		out := node(t, "elastic.js", client, "http://"+h.elastic, h.token, fmt.Sprint(n))
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got.Shipped != n || got.Failed != 1 || fmt.Sprint(got.Dropped) != "[[400 document_parsing_exception]]" {
			t.Errorf("%s: %d shipped, %d failed, dropped are %v", client, got.Shipped, got.Failed, got.Dropped)
		}
		if got.Again != 0 || got.Total != n || got.Scrolled != n || got.Paged != n {
			t.Errorf("%s: sent again %d were taken; there are %d, scrolled %d, paged %d, want %d", client, got.Again, got.Total, got.Scrolled, got.Paged, n)
		}
		if got.Newest != "line 0 of node" || fmt.Sprint(got.Services) != fmt.Sprintf("[[shop %d]]", n) || !got.Exists || got.Unknown || got.One != 7 || got.Mistake != 400 || fmt.Sprint(got.Types) != "[long text date]" {
			t.Errorf("%s: %s", client, out)
		}
	}
}

// TestPinoShips logs with pino to what it takes for an Elasticsearch and a Loki.
func TestPinoShips(t *testing.T) {
	t.Parallel()
	h := startLogHub(t)
	const n = 400
	node(t, "pino.js", "http://"+h.elastic, "http://"+h.loki, h.token, fmt.Sprint(n))
	h.counted("pino-elasticsearch", `_index:pino AND message:"paid"`, n)
	h.has(`_index:pino AND message:"payment failed"`, map[string]any{"service.name": "checkout", "log.level": "error", "err.message": "the card was refused"})
	h.counted("pino-loki", `message:"is empty"`, n)
	h.has(`message:"is empty"`, map[string]any{"service.name": "basket", "log.level": "warning"})
}

// TestOpenTelemetryShips ships with the SDK of OpenTelemetry.
func TestOpenTelemetryShips(t *testing.T) {
	t.Parallel()
	h := startLogHub(t)
	const n = 1200
	node(t, "otlp.js", "http://"+h.otlp, h.token, fmt.Sprint(n))
	for _, kind := range []string{"http", "proto"} {
		service := `service.name:"otel-` + kind + `"`
		h.counted("OTLP, "+kind, service+` AND message:"failed"`, n)
		h.has(service, map[string]any{"log.level": "error", "host.name": "app-01", "http.route": "/pay", "vigie.owner": "server:app-01"})
	}
}

// TestTheJournalIsUploaded has systemd-journal-upload send a journal, which
// systemd-journal-remote made of an export.
func TestTheJournalIsUploaded(t *testing.T) {
	t.Parallel()
	h := startLogHub(t)
	root, dir := shippersOf(t, "journal-remote"), t.TempDir()
	const n = 400
	var export strings.Builder
	now := time.Now().Add(-time.Hour).UnixMicro()
	for i := range n {
		fmt.Fprintf(&export, "__CURSOR=s=1;i=%d\n__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=00000000000000000000000000000001\n_HOSTNAME=app-01\nPRIORITY=4\n_SYSTEMD_UNIT=cron.service\nSYSLOG_IDENTIFIER=cron\n_PID=%d\nMESSAGE=job %d of the story\n\n",
			i+1, now+int64(i)*1000, 1000+i, 100+i, i)
	}
	put(t, filepath.Join(dir, "export"), export.String(), 0o644)
	env := []string{"LD_LIBRARY_PATH=" + filepath.Join(root, "usr/lib/x86_64-linux-gnu")}
	program := func(name string) string {
		for _, folder := range []string{"lib/systemd", "usr/lib/systemd"} {
			if path := filepath.Join(root, folder, name); exec.Command("test", "-x", path).Run() == nil {
				return path
			}
		}
		t.Fatalf("there is no %s in %s", name, root)
		return ""
	}
	journal := filepath.Join(dir, "journal")
	if err := os.Mkdir(journal, 0o755); err != nil {
		t.Fatal(err)
	}
	convert := exec.CommandContext(t.Context(), program("systemd-journal-remote"), "--output", filepath.Join(journal, "story.journal"), filepath.Join(dir, "export"))
	convert.Env = append(os.Environ(), env...)
	if out, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("make a journal: %v %s", err, out)
	}
	upload := exec.CommandContext(t.Context(), program("systemd-journal-upload"), "--url", "http://shipper:"+h.token+"@"+h.elastic, "--directory", journal, "--follow=no", "--save-state="+filepath.Join(dir, "state"))
	upload.Env = append(os.Environ(), env...)
	if out, err := upload.CombinedOutput(); err != nil {
		t.Fatalf("upload: %v %s", err, out)
	}
	h.counted("journal-upload", `systemd.unit:"cron.service" AND message:"of the story"`, n)
	h.has(`systemd.unit:"cron.service"`, map[string]any{"service.name": "cron", "log.level": "warning", "host.name": "app-01", "vigie.owner": "server:app-01"})
}
