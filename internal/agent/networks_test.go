package agent

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/wire"
)

func FuzzTargetsOutsideTheNetworksAreRefused(f *testing.F) {
	f.Add("10.0.0.1", "")
	f.Add("", "http://192.0.2.1:80/x")
	f.Add("", "http://[::ffff:192.0.2.1%25eth0]/")
	f.Add("fe80::1%eth0", "")
	f.Fuzz(func(t *testing.T, host, url string) {
		target := wire.Target{ID: "a", Host: host, URL: url}
		if allowed, refused := (networks{}).split([]wire.Target{target}); len(allowed) != 0 || len(refused) != 1 {
			t.Errorf("%q %q passes where nothing is allowed", host, url)
		}
	})
}
