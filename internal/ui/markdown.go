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
	gmast "github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
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
	return markdowner{
		// Raw HTML stays dropped.
		parser: goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(ticks{}, 100)))),
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

// ticks shows the boxes of task lists as signs, which nobody takes for something
// to press, and which are read out.
type ticks struct{}

func (ticks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindTaskCheckBox, func(w util.BufWriter, _ []byte, n gmast.Node, entering bool) (gmast.WalkStatus, error) {
		if box, ok := n.(*ast.TaskCheckBox); ok && entering {
			sign := "☐ "
			if box.IsChecked {
				sign = "☑ "
			}
			_, _ = w.WriteString(sign) // into memory
		}
		return gmast.WalkContinue, nil
	})
}
