package mailbox_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/wneessen/go-mail"

	"github.com/vigie-ops/vigie/internal/demo/mailbox"
)

func TestAMailArrivesAndOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	changed := make(chan struct{}, 1)
	b, err := mailbox.Open(dir, func() { changed <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx, l) }()

	m := mail.NewMsg()
	if err := m.From("vigie@localhost"); err != nil {
		t.Fatal(err)
	}
	if err := m.To("idris@halyard.example"); err != nil {
		t.Fatal(err)
	}
	m.Subject("[critical] boréalis: down")
	m.SetBodyString(mail.TypeTextPlain, "Acknowledge: http://127.0.0.1:8080/ack/abc.def.\n")
	m.AddAlternativeString(mail.TypeTextHTML, `<a href="http://127.0.0.1:8080/issues/1?a=1&amp;b=2">issue</a>`)
	c, err := mail.NewClient("127.0.0.1", mail.WithPort(l.Addr().(*net.TCPAddr).Port), mail.WithTLSPolicy(mail.NoTLS))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DialAndSendWithContext(ctx, m); err != nil {
		t.Fatal(err)
	}
	<-changed
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	again, err := mailbox.Open(dir, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for what, box := range map[string]*mailbox.Box{"before": b, "after": again} {
		all := box.Newest()
		if len(all) != 1 || all[0].Subject != "[critical] boréalis: down" || !strings.Contains(all[0].To, "idris@halyard.example") {
			t.Fatalf("%s a restart the mailbox holds %+v", what, all)
		}
		want := []string{"http://127.0.0.1:8080/ack/abc.def", "http://127.0.0.1:8080/issues/1?a=1&b=2"}
		if !slices.Equal(all[0].Links, want) {
			t.Errorf("%s a restart the links are %v, want %v", what, all[0].Links, want)
		}
		if one, ok := box.One(all[0].ID); !ok || one.Text == "" || one.HTML == "" {
			t.Errorf("%s a restart the mail is %+v", what, one)
		}
	}
}
