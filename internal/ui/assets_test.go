package ui_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/ui"
)

func fetch(path, method, encoding string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	ui.Assets().ServeHTTP(w, r)
	return w.Result()
}

func TestAssetsAreKeptForEver(t *testing.T) {
	for name, kind := range map[string]string{"ui.css": "text/css; charset=utf-8", "live.js": "text/javascript; charset=utf-8", "vigie.svg": "image/svg+xml"} {
		r := fetch(ui.AssetURL(name), http.MethodGet, "")
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != kind || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, headers %v", name, r.StatusCode, r.Header)
		}
	}
}

func TestCompressedAssetIsTheSame(t *testing.T) {
	url := ui.AssetURL("ui.css")
	small := fetch(url, http.MethodGet, "br, gzip")
	if small.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers %v", small.Header)
	}
	z, err := gzip.NewReader(small.Body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(fetch(url, http.MethodGet, "").Body)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("the compressed style sheet differs from the plain one")
	}
	if !strings.HasPrefix(string(want), "/* The look") {
		t.Error("the tokens do not come first")
	}
}

func TestUnknownAssetIsNotRemembered(t *testing.T) {
	r := fetch("/assets/ui.000000000000.css", http.MethodGet, "")
	if r.StatusCode != http.StatusNotFound || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, cache %q", r.StatusCode, r.Header.Get("Cache-Control"))
	}
	if r := fetch(ui.AssetURL("ui.css"), http.MethodPost, ""); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST answers %d", r.StatusCode)
	}
}
