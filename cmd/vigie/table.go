package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// plain is text of strangers on one line, without power over a terminal.
func plain(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(harmless(s))
}

// few is a list in few characters.
func few(all []string) string {
	if len(all) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:3], ","), len(all)-3)
	}
	return strings.Join(all, ",")
}

// printTable prints rows under columns.
func printTable(w io.Writer, columns []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(columns, "\t"))
	for _, r := range rows {
		for i := range r {
			r[i] = plain(r[i])
		}
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	return t.Flush()
}

// all asks for a list, page by page, up to a number of items.
func (c *client) all(ctx context.Context, path string, query url.Values, most int) ([]json.RawMessage, error) {
	const page = 500
	var out []json.RawMessage
	for {
		query.Set("limit", strconv.Itoa(min(page, most-len(out))))
		var got struct {
			Items []json.RawMessage `json:"items"`
			Next  *string           `json:"next"`
		}
		if err := c.ask(ctx, http.MethodGet, path, query, nil, &got); err != nil {
			return nil, err
		}
		out = append(out, got.Items...)
		if got.Next == nil || len(out) >= most {
			return out, nil
		}
		query.Set("cursor", *got.Next)
	}
}

// listing is a command that prints a list of the hub.
type listing struct {
	use, short, example string
	path                string
	columns             []string
	row                 func(item json.RawMessage) ([]string, error)
	filters             [][2]string // names, with what each does
	fixed               url.Values  // of every request
	empty               string      // what is said when there is nothing
}

// command makes the command. most is how many it lists unless said.
func (l listing) command(c *client, most int) *cobra.Command {
	var output string
	var failing bool
	values := make([]string, len(l.filters))
	cmd := &cobra.Command{
		Use: l.use, Short: l.short, Example: l.example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if most < 1 {
				return usage{fmt.Errorf("--limit %d: list one at least", most)}
			}
			query := url.Values{}
			for k, v := range l.fixed {
				query[k] = v
			}
			for i, f := range l.filters {
				if values[i] != "" {
					query.Set(strings.ReplaceAll(f[0], "-", "_"), values[i])
				}
			}
			items, err := c.all(cmd.Context(), l.path, query, most)
			if err != nil {
				return err
			}
			if err := l.print(cmd, items, output); err != nil {
				return err
			}
			if failing && len(items) > 0 {
				return errSaid
			}
			return nil
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	for i, one := range l.filters {
		name := one[0]
		if name == "q" {
			name = "find"
		}
		f.StringVar(&values[i], name, "", one[1])
	}
	f.IntVar(&most, "limit", most, "how many at most")
	f.BoolVar(&failing, "fail", false, "exit status 1 if there is any, for scripts")
	outputFlag(cmd, &output)
	return cmd
}

func (l listing) print(cmd *cobra.Command, items []json.RawMessage, output string) error {
	if output == "json" {
		if items == nil {
			items = []json.RawMessage{}
		}
		return printJSON(cmd.OutOrStdout(), items)
	}
	if len(items) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), l.empty)
		return nil
	}
	rows := make([][]string, len(items))
	for i, one := range items {
		var err error
		if rows[i], err = l.row(one); err != nil {
			return err
		}
	}
	return printTable(cmd.OutOrStdout(), l.columns, rows)
}

// rowOf reads an item of a list and makes its line.
func rowOf[T any](row func(T) []string) func(json.RawMessage) ([]string, error) {
	return func(raw json.RawMessage) ([]string, error) {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, fmt.Errorf("read an answer of the hub: %w", err)
		}
		return row(v), nil
	}
}
