package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestAPersonAtATerminalAnswersAnAlert has somebody who is woken answer from a
// terminal: look, take over, silence, write down, close.
func TestAPersonAtATerminalAnswersAnAlert(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{})
	admin, viewer := filepath.Join(t.TempDir(), "admin"), filepath.Join(t.TempDir(), "viewer")
	put(t, admin, adminToken+"\n", 0o600)
	put(t, viewer, viewerToken+"\n", 0o600)
	as := func(token string, args ...string) (out, errs string, status int) {
		t.Helper()
		return vigie(t, append(args, "--hub", h.endpoints.Console, "--token-file", token)...)
	}
	does := func(args ...string) (out, errs string) {
		t.Helper()
		out, errs, status := as(admin, args...)
		if status != 0 {
			t.Fatalf("vigie %v: %d %s%s", args, status, out, errs)
		}
		return out, errs
	}
	fire := func(name string) {
		t.Helper()
		alert := fmt.Sprintf(`[{"labels": {"alertname": %q, "severity": "critical", "server": "app-01"}, "annotations": {"summary": "the disk \u001b[2Jis full"}}]`, name)
		if status, b, err := h.call("POST", "/api/v2/alerts", strings.NewReader(alert)); err != nil || status != http.StatusOK {
			t.Fatalf("the alert is answered with %d %s %v", status, b, err)
		}
	}

	out, _ := does("servers")
	if !regexp.MustCompile(`(?m)^SERVER +STATE +ADDRESS`).MatchString(out) || !regexp.MustCompile(`(?m)^fw-01 .*127\.0\.0\.3`).MatchString(out) {
		t.Errorf("servers are\n%s", out)
	}
	if out, _ = does("servers", "--client", "borealis", "-o", "json"); !json.Valid([]byte(out)) || !strings.Contains(out, `"app-01"`) || strings.Contains(out, `"app-02"`) {
		t.Errorf("the servers of a client are %s", out)
	}
	if out, _ = does("instances", "--environment", "production"); !strings.Contains(out, "borealis-shop") {
		t.Errorf("instances are\n%s", out)
	}
	if out, _ = does("clients"); !regexp.MustCompile(`(?m)^borealis +Borealis SA +nadia`).MatchString(out) {
		t.Errorf("clients are\n%s", out)
	}

	if _, errs, status := as(viewer, "alerts", "--name", "DiskFull", "--fail"); status != 0 || !strings.Contains(errs, "There is no such alert.") {
		t.Errorf("without an alert: %d %s", status, errs)
	}
	fire("DiskFull")
	var id string
	within(t, 20*time.Second, "the alert is listed", func() error {
		out, errs, status := as(viewer, "alerts", "--severity", "critical", "--server", "app-01", "--fail")
		m := regexp.MustCompile(`(?m)^(\w{26}) +critical +firing +server:app-01 .*DiskFull: the disk .*is full$`).FindStringSubmatch(out)
		if m == nil || status != 1 || strings.Contains(out, "\x1b") {
			return fmt.Errorf("%d %s%s", status, out, errs)
		}
		id = m[1]
		return nil
	})
	if _, errs, status := as(viewer, "ack", id); status != 1 || !strings.Contains(errs, "needs the role responder; you are viewer") {
		t.Errorf("a viewer takes it over: %d %s", status, errs)
	}
	if out, _ = does("ack", id, "--reason", "I grow it", "--for", "2h"); !strings.Contains(out, "DiskFull on server:app-01 is acknowledged") {
		t.Errorf("taken over: %s", out)
	}
	if out, _ = does("alerts", "--state", "acknowledged"); !strings.Contains(out, id) || !strings.Contains(out, "story-admin") {
		t.Errorf("acknowledged are\n%s", out)
	}
	if _, errs, status := as(admin, "ack", id, "--for", "soon"); status != 1 || !strings.Contains(errs, `"soon" is no length of time; write 30m, 2h or 3d`) {
		t.Errorf("a wrong length: %d %s", status, errs)
	}
	if _, errs := does("ack", id, "--release", "--reason", "somebody else"); !strings.Contains(errs, "1 given back.") {
		t.Errorf("given back: %s", errs)
	}

	silence, errs := does("silence", `alertname=~"Disk.*"`, `server="app-01"`, "--for", "3d", "--reason", "it is being moved")
	if silence = strings.TrimSpace(silence); len(silence) != 26 || !strings.Contains(errs, `alertname=~"Disk.*"`) {
		t.Errorf("silenced: %q %s", silence, errs)
	}
	within(t, 20*time.Second, "it is silenced", func() error {
		if out, _ := does("alerts", "--state", "silenced"); !strings.Contains(out, id) {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	if out, _ = does("silence", "list"); !strings.Contains(out, silence) || !strings.Contains(out, "it is being moved") {
		t.Errorf("silences are\n%s", out)
	}
	if _, errs, status := as(admin, "silence", "server>1", "--reason", "x"); status != 1 || !strings.Contains(errs, "server>1") {
		t.Errorf("a wrong matcher: %d %s", status, errs)
	}
	if _, errs, status := as(admin, "silence", "server=x"); status != 2 || !strings.Contains(errs, "write --reason") {
		t.Errorf("without a reason: %d %s", status, errs)
	}
	does("silence", "expire", silence)
	if out, _ = does("silence", "list"); strings.Contains(out, silence) {
		t.Errorf("expired, it is still there\n%s", out)
	}

	var issue string
	within(t, 20*time.Second, "an issue is open", func() error {
		out, _ := does("issues", "--state", "open", "--server", "app-01")
		m := regexp.MustCompile(`(?m)^#(\d+) +open +critical`).FindStringSubmatch(out)
		if m == nil {
			return fmt.Errorf("%s", out)
		}
		issue = m[1]
		return nil
	})
	does("issues", "take", issue)
	does("issues", "comment", issue, "--text", "half of it is logs")
	if out, _ = does("issues", "show", issue); !strings.Contains(out, "story-admin has it") || !strings.Contains(out, "half of it is logs") {
		t.Errorf("the issue is\n%s", out)
	}
	if _, errs := does("issues", "close", issue, "--reason", "the disk was grown"); !strings.Contains(errs, "is closed") {
		t.Errorf("closed: %s", errs)
	}
	if _, errs := does("issues", "declare", "The shop is slow", "--severity", "warning"); !strings.Contains(errs, "is open") {
		t.Errorf("declared: %s", errs)
	}
	if _, errs, status := as(admin, "issues", "show", "4711"); status != 1 || !strings.Contains(errs, "The logbook has no such issue.") {
		t.Errorf("an issue that is not there: %d %s", status, errs)
	}

	if out, _ = does("audit", "--verb", "alert."); !strings.Contains(out, "story-admin") || !strings.Contains(out, "I grow it") {
		t.Errorf("the audit trail is\n%s", out)
	}
	if _, errs, status := as(viewer, "audit"); status != 1 || !strings.Contains(errs, "needs the role admin") {
		t.Errorf("a viewer reads the audit trail: %d %s", status, errs)
	}
	if out, errs, status := vigie(t, "audit", "verify", "--config", h.file); status != 0 || !strings.Contains(out, "entries are as they were written") {
		t.Errorf("verify says %d %s%s", status, out, errs)
	}
	if out, errs, status := vigie(t, "audit", "erase", "--config", h.file, "--object", "alert:"+id, "--reason", "request 4711"); status != 0 || strings.HasPrefix(out, "0 entries") {
		t.Errorf("erase says %d %s%s", status, out, errs)
	}
	if out, _ = does("audit", "--object", "alert:"+id); !strings.Contains(out, "(erased)") || strings.Contains(out, "I grow it") || !strings.Contains(out, "alert.acknowledge") {
		t.Errorf("erased, the trail says\n%s", out)
	}
	if out, errs, status := vigie(t, "audit", "verify", "--config", h.file); status != 0 {
		t.Errorf("after the erasure verify says %d %s%s", status, out, errs)
	}
	h.stop()
	if _, errs, status := as(admin, "alerts"); status != 3 || !strings.Contains(errs, "does not answer") {
		t.Errorf("a hub that is gone: %d %s", status, errs)
	}
	if _, errs, status := as(filepath.Join(t.TempDir(), "none"), "alerts"); status != 1 || !strings.Contains(errs, "read the token") {
		t.Errorf("a token that is not there: %d %s", status, errs)
	}
}
