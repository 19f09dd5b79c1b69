package notify_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

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

func TestAPolicyThatMakesNoSenseIsRefused(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		_, problems := load(t, "channels: [{slug: c, kind: webhook, url: https://hooks.example.com}]\nnotification_policy: "+text+"\n")
		var got []string
		for _, p := range problems {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	f(`{group_by: [alertname, app_instance, service.name]}`)
	f(`{group_by: ["..."]}`)
	f(`{group_by: ["a b", server, server, "..."]}`,
		`vigie.yaml:3:34: "a b" is no name of a label; write letters, digits, underscores, dots and dashes, such as app_instance`,
		`vigie.yaml:3:49: group_by names server twice; once is enough`,
		`vigie.yaml:3:57: ... stands for all labels; write it alone, or name labels`)
	f(`{group_wait: 1h}`, `vigie.yaml:3:22: group_interval 5m is shorter than group_wait 1h; write at least as much`)
	f(`{group_wait: 10s, group_interval: 5s}`, `vigie.yaml:3:56: group_interval 5s is shorter than group_wait 10s; write at least as much`)
	f(`{group_interval: often}`, `vigie.yaml:3:39: group_interval: "often" is no duration; write it like "10s", "5m", "1h30m", "15d" or "2w"`)
	f(`{routes: [{to: []}]}`, `vigie.yaml:3:37: to has 0 entries; it must have at least 1`)
	f(`{inhibit: [{source: [], target: [], equal: ["a b", c, c]}]}`,
		`vigie.yaml:3:42: source has 0 entries; it must have at least 1`,
		`vigie.yaml:3:54: target has 0 entries; it must have at least 1`,
		`vigie.yaml:3:66: "a b" is no name of a label; write letters, digits, underscores, dots and dashes, such as app_instance`,
		`vigie.yaml:3:76: equal names c twice; once is enough`)
}

func TestAMistakeInAChannelIsToldOnce(t *testing.T) {
	_, problems := load(t, `
channels:
  - {slug: a, kind: smtp, hots: mail.example.com, form: v@example.com}
  - {slug: b, kind: slack, url: {fil: /x}}
`)
	if len(problems) != 3 {
		t.Errorf("problems are\n%v", problems)
	}
}
