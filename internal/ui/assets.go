package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed css/*.css js/*.js img/*.svg
var files embed.FS

// ContentSecurityPolicy is the policy every page is served under.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// stylesheet is the name of the one style sheet made of all files in css.
const stylesheet = "ui.css"

// asset is a file as it is served.
type asset struct {
	kind         string
	plain, small []byte // small is gzip, nil where it would be larger
}

// assets are all files, read and compressed once. Names carry a hash of the
// content, so a browser may keep them for ever.
type assets struct {
	byURL map[string]asset
	urls  map[string]string
}

var loadAssets = sync.OnceValue(func() assets {
	all := assets{byURL: map[string]asset{}, urls: map[string]string{}}
	all.add(stylesheet, sheet())
	for _, dir := range []string{"js", "img"} {
		entries, err := fs.ReadDir(files, dir)
		if err != nil {
			panic(err) // the folder is embedded
		}
		for _, e := range entries {
			all.add(e.Name(), mustRead(path.Join(dir, e.Name())))
		}
	}
	return all
})

// sheet joins the style files in the order of their names: tokens first.
func sheet() []byte {
	entries, err := fs.ReadDir(files, "css")
	if err != nil {
		panic(err) // the folder is embedded
	}
	var b bytes.Buffer
	for _, e := range entries {
		b.Write(mustRead("css/" + e.Name()))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func mustRead(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the file is embedded
	}
	return b
}

func (a assets) add(name string, content []byte) {
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	url := "/assets/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	kind := mime.TypeByExtension(ext)
	if ext == ".js" {
		kind = "text/javascript; charset=utf-8" // the system's table may say otherwise, and a module must be this
	}
	file := asset{kind: kind, plain: content}
	if z := compress(content); len(z) < len(content) {
		file.small = z
	}
	a.urls[name], a.byURL[url] = url, file
}

func compress(content []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	if _, err := z.Write(content); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// AssetURL is the path under which a file of css, js or img is served. A name
// that does not exist is a mistake in the program and panics.
func AssetURL(name string) string {
	url, ok := loadAssets().urls[name]
	if !ok {
		panic("ui: there is no asset " + name)
	}
	return url
}

// Assets serves the files. Mount it at /assets/ with the whole path.
func Assets() http.Handler {
	all := loadAssets()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Files can only be read.", http.StatusMethodNotAllowed)
			return
		}
		file, ok := all.byURL[r.URL.Path]
		if !ok {
			// Two versions of the hub may answer one page during an update: a
			// miss must not be remembered.
			w.Header().Set("Cache-Control", "no-store")
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", file.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Vary", "Accept-Encoding")
		body := file.plain
		if file.small != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = file.small
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // a browser that went away needs no answer
		}
	})
}
