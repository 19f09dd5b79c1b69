package ui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/a-h/templ"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// markdowner holds the parser and the policy; both are safe to share.
type markdowner struct {
	parser goldmark.Markdown
	policy *bluemonday.Policy
}

var loadMarkdown = sync.OnceValue(func() markdowner {
	policy := bluemonday.UGCPolicy()
	policy.RequireNoFollowOnLinks(true)
	policy.RequireNoReferrerOnLinks(true)
	policy.AllowAttrs("type", "checked", "disabled").OnElements("input") // task lists
	// Pictures of elsewhere would tell elsewhere who reads; the page's policy
	// blocks them anyway.
	policy.AllowElements("input")
	return markdowner{
		parser: goldmark.New(goldmark.WithExtensions(extension.GFM)), // raw HTML stays dropped
		policy: policy,
	}
})

// Markdown shows text people wrote, with tables, task lists and links. HTML in
// it is dropped, and what comes out is cleaned once more.
func Markdown(source string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		m := loadMarkdown()
		var b bytes.Buffer
		if err := m.parser.Convert([]byte(source), &b); err != nil {
			return fmt.Errorf("read markdown: %w", err)
		}
		if _, err := io.WriteString(w, `<div class="prose">`); err != nil {
			return err
		}
		if _, err := m.policy.SanitizeReader(&b).WriteTo(w); err != nil {
			return err
		}
		_, err := io.WriteString(w, `</div>`)
		return err
	})
}
