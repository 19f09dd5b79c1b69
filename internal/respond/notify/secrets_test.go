package notify_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

func TestASecretThatIsNotForChannelsIsNeitherReadNorSent(t *testing.T) {
	dbtest.Each(t, []db.Schema{notify.Tables}, func(t *testing.T, d *db.DB) {
		made := 0
		c := notify.New(notify.Options{
			DB: d, Log: slog.New(slog.DiscardHandler), People: company{},
			MayRead: func(r secret.Ref) error {
				if r.File == "master.key" {
					return errors.New("it is the hub's own")
				}
				return nil
			},
			Kinds: map[string]notify.Maker{notify.Webhook: func(context.Context, notify.Config) (notify.Channel, error) {
				made++
				return nil, errors.New("made")
			}},
		})
		own := secret.Ref{File: "master.key"}
		c.SetChannels([]notify.Config{
			{Slug: "password", Kind: notify.Webhook, Password: own},
			{Slug: "secret", Kind: notify.Webhook, Secret: own},
			{Slug: "url", Kind: notify.Webhook, URL: notify.URL{Ref: own}},
		})
		for _, slug := range []string{"password", "secret", "url"} {
			sent, err := c.Test(t.Context(), "nadia", slug, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Send(t.Context(), sent.ID); err != nil {
				t.Fatal(err)
			}
			got, err := c.Get(t.Context(), sent.ID)
			if err != nil || got.State != notify.Failed || !strings.Contains(got.LastError, "own") {
				t.Errorf("%s: the delivery is %+v, %v", slug, got, err)
			}
		}
		if made > 0 {
			t.Errorf("%d channels were made", made)
		}
	})
}
