package logsagent_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vigie-ops/vigie/internal/observe/logs/logsagent"
)

func TestTheAgentTellsHowLongLogrotateKeepsWhatItSends(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("a line\n")}
	root := fstest.MapFS{
		"etc/logrotate.conf":             {Data: []byte("weekly\nrotate 4\ninclude /etc/logrotate.d\n")},
		"etc/logrotate.d/nginx":          {Data: []byte("/var/log/nginx/*.log {\n daily\n rotate 14\n}\n")},
		"var/log/nginx/access.log":       file,
		"var/log/nginx/access.log.1":     file,
		"var/log/nginx/error.log":        file,
		"srv/shop/log/production.log":    file,
		"srv/shop/log/debug.log":         file,
		"etc/logrotate.d/shop":           {Data: []byte("/srv/shop/log/production.log { \n}\n/srv/shop/log/debug.log {\nrotate 0\n}")},
		"var/lib/docker/c/long-json.log": file,
	}
	k := logsagent.NewKept(root, []logsagent.Files{
		{Paths: []string{"/var/log/nginx/*.log", "/var/log/none/*.log"}},
		{Paths: []string{"/srv/shop/log/*.log"}, Exclude: []string{"debug.log"}, Class: "application"},
		{Paths: []string{"/var/lib/docker/*/*-json.log"}},
	})
	if err := testutil.CollectAndCompare(k, strings.NewReader(`# HELP vigie_log_files_kept_seconds How long logrotate keeps the files of a pattern once they are rotated, at least; +Inf for files that it does not delete.
# TYPE vigie_log_files_kept_seconds gauge
vigie_log_files_kept_seconds{class="application",files="/srv/shop/log/*.log"} 2.4192e+06
vigie_log_files_kept_seconds{class="application",files="/var/lib/docker/*/*-json.log"} +Inf
vigie_log_files_kept_seconds{class="web",files="/var/log/nginx/*.log"} 1.2096e+06
`)); err != nil {
		t.Error(err)
	}
}

func TestAnAgentThatSendsNoFilesSaysNothingOfThem(t *testing.T) {
	if n := testutil.CollectAndCount(logsagent.NewKept(nil, nil)); n != 0 {
		t.Errorf("%d series, want none", n)
	}
}
