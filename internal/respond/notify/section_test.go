package notify_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

func load(t *testing.T, text string) (*opsrepo.Generation, opsrepo.Problems) {
	t.Helper()
	return opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\n" + text)}}, append(notify.Sections(), alert.Sections()...))
}

func TestARepositorySaysWhoIsTold(t *testing.T) {
	g, problems := load(t, `
channels:
  - slug: mail
    kind: smtp
    host: mail.example.com
    from: Vigie <vigie@example.com>
    username: vigie
    password: {file: /etc/vigie/smtp-password}
  - {slug: hook, kind: webhook, url: https://hooks.example.com/vigie, secret: {env: HOOK}}
  - {slug: chat, kind: slack, url: {file: /etc/vigie/slack}}
notification_policy:
  group_wait: 1s
  close_issue: by a person
  routes:
    - match: ['severity="critical"', 'client=~"acme|globex"']
      to: [{person: nadia, channel: mail}, {channel: chat}]
    - to: [{team: ops, channel: mail}]
  inhibit:
    - {source: ['alertname="DatabaseDown"'], target: ['alertname="SlowPages"'], equal: [app_instance]}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if channels := notify.Channels.Of(g); len(channels) != 3 || channels[0].TLS != "starttls" || channels[2].URL.Ref.File == "" {
		t.Errorf("channels %+v", channels)
	}
	entry, ok := alert.PolicySection.Of(g)
	if !ok {
		t.Fatal("no policy")
	}
	p, err := entry.Policy()
	if err != nil || p.GroupWait.Seconds() != 1 || p.GroupInterval.Minutes() != 5 || p.CloseWhenResolved || len(p.Routes) != 2 || len(p.Inhibit) != 1 {
		t.Errorf("policy %+v, %v", p, err)
	}
	if to := p.Targets(map[string]string{"severity": "critical", "client": "acme"}); len(to) != 2 {
		t.Errorf("critical alerts of acme go to %v", to)
	}
}

func TestMistakesInChannelsAndPolicyAreNamed(t *testing.T) {
	_, problems := load(t, `
channels:
  - {slug: a, kind: smtp, host: mail.example.com, from: nobody, tls: none, username: x}
  - {slug: b, kind: smtp, from: v@example.com, password: {command: [pass, show]}}
  - {slug: c, kind: webhook, url: not an address}
  - {slug: d, kind: slack, url: https://hooks.slack.com/services/secret}
  - {slug: e, kind: slack, url: {command: [cat]}}
  - {slug: f, kind: fax}
notification_policy:
  repeat_interval: 2m
  routes:
    - to: [{person: nadia, team: ops, channel: nope}]
    - match: ['severity=~"("']
      to: [{channel: c}]
`)
	all := problems.Error()
	for _, p := range problems {
		all += "\n" + p.String()
	}
	for _, want := range []string{
		"is no sender", "is for this machine alone", "a username needs a password", "needs the mail server", "cannot be a command", "a webhook needs an address",
		"lets anybody post", "fax", "is shorter than group_interval", "a person and a team", `"nope"`, "takes every alert", "is no matcher",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no problem says %q; all of them:\n%s", want, all)
		}
	}
}
