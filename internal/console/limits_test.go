package console_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
)

// What anybody uploads as a form stays in memory and is bounded there, with a
// session, with a token and without either.
func TestNoUploadReachesTheDisk(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	c := console.New(console.Options{Auth: door{}, Log: slog.New(slog.DiscardHandler)})
	var read error
	parse := func(_ http.ResponseWriter, r *http.Request) error {
		read = r.ParseMultipartForm(32 << 20)
		return nil
	}
	c.Action("POST /act", people.Viewer, parse)
	c.API("POST /api", people.Viewer, parse)
	c.Open("POST /open", "test", parse)
	for path, header := range map[string]string{"/act": "X-Role", "/api": "X-Role", "/open": "X-None"} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("f", "big")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(part, zeros{}, 64<<20); err != nil {
			t.Fatal(err)
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "http://vigie.example"+path, &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set(header, "viewer")
		read = nil
		c.Handler().ServeHTTP(httptest.NewRecorder(), r)
		var large *http.MaxBytesError
		if left, err := filepath.Glob(filepath.Join(tmp, "*")); err != nil || len(left) > 0 || !errors.As(read, &large) {
			t.Errorf("%s: reading ends with %v and leaves %v on the disk", path, read, left)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestLogsHoldNoTokenOfALink(t *testing.T) {
	var log bytes.Buffer
	c := console.New(console.Options{Auth: door{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	c.Open("POST /link/{token}", "test", func(http.ResponseWriter, *http.Request) error { return errors.New("the state does not answer") })
	ask(c, "POST", "/link/hunter2")
	if !strings.Contains(log.String(), "the state does not answer") || strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log says %s", log.String())
	}
}
