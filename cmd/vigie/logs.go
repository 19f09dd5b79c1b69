package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const apiLogs = "/api/vigie/v1/logs"

// aLine is a line of logs as the API tells it.
type aLine struct {
	Time     string `json:"@timestamp"`
	Message  string `json:"message"`
	Level    string `json:"log.level"`
	Service  string `json:"service.name"`
	Host     string `json:"host.name"`
	Hostname string `json:"host.hostname"`
}

func newLogs() *cobra.Command {
	c := &client{}
	var since, until, output string
	var tail, export bool
	var most int
	cmd := &cobra.Command{
		Use:   "logs [QUERY]",
		Short: "Search the logs of a hub, or follow them",
		Long: "Search the logs of a hub: words, phrases and fields as in Kibana. docs/searching-logs.md describes the language.\n" +
			"The newest lines are printed last. --export prints every line of the time, oldest first, however many there are.",
		Example: "  vigie logs 'service.name:nginx and http.response.status_code >= 500' --since 30m\n  vigie logs --tail '\"timed out\" or log.level:error'\n" +
			"  vigie logs 'vigie.instance:borealis' --since 24h --export -o json > lines.ndjson",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{}
			if len(args) == 1 {
				q.Set("q", args[0])
			}
			if output != "text" && output != "json" {
				return usage{fmt.Errorf("-o is text or json, not %q", output)}
			}
			if tail {
				return c.tail(cmd, q, output)
			}
			now := time.Now()
			for name, text := range map[string]string{"from": since, "to": until} {
				at, err := timeOf(text, now)
				if err != nil {
					return usage{fmt.Errorf("--%s: %w", map[string]string{"from": "since", "to": "until"}[name], err)}
				}
				q.Set(name, at.UTC().Format(time.RFC3339Nano))
			}
			if export {
				q.Set("format", "ndjson")
				if output == "json" {
					return c.exported(cmd, q, "json")
				}
				return c.exported(cmd, q, "text")
			}
			return c.lines(cmd, q, most, output)
		},
	}
	cmd.AddCommand(newLogsKept(), newLogsErase())
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&since, "since", "1h", "from when: 30m, 7d, or a time such as 2026-11-25T10:00:00Z")
	f.StringVar(&until, "until", "0s", "until when, the same")
	f.IntVarP(&most, "lines", "n", 100, "how many, the newest ones")
	f.BoolVarP(&tail, "tail", "f", false, "print lines as they come, until interrupted")
	f.BoolVar(&export, "export", false, "print all lines of the time")
	f.StringVarP(&output, "output", "o", "text", "text for people, json for programs: an object a line")
	return cmd
}

// timeOf reads how long ago something was, or when.
func timeOf(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 36500 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 30m, 7d or 2026-11-25T10:00:00Z", s)
}

// lines prints a page of lines, the newest last.
func (c *client) lines(cmd *cobra.Command, q url.Values, most int, output string) error {
	var all []json.RawMessage
	for len(all) < most {
		q.Set("limit", strconv.Itoa(min(1000, most-len(all))))
		var page struct {
			Items []json.RawMessage
			Next  *string
		}
		if err := c.ask(cmd.Context(), http.MethodGet, apiLogs, q, nil, &page); err != nil {
			return err
		}
		all = append(all, page.Items...)
		if page.Next == nil {
			break
		}
		q.Set("cursor", *page.Next)
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	for i := len(all) - 1; i >= 0; i-- {
		if err := printLine(out, all[i], output); err != nil {
			return err
		}
	}
	return out.Flush()
}

// exported prints all lines as they come.
func (c *client) exported(cmd *cobra.Command, q url.Values, output string) error {
	c.endless = true
	r, err := c.open(cmd.Context(), http.MethodGet, apiLogs+"/export", q, nil)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	out := bufio.NewWriter(cmd.OutOrStdout())
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			if err := printLine(out, line, output); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
	}
}

func printLine(w io.Writer, raw json.RawMessage, output string) error {
	if output == "json" {
		_, err := fmt.Fprintln(w, strings.TrimSpace(string(raw)))
		return err
	}
	var l aLine
	if err := json.Unmarshal(raw, &l); err != nil {
		return err
	}
	return l.print(w)
}

// print writes a line for people. What a terminal would obey is made visible.
func (l aLine) print(w io.Writer) error {
	at := l.Time
	if t, err := time.Parse(time.RFC3339Nano, l.Time); err == nil {
		at = t.Local().Format("2006-01-02 15:04:05.000")
	}
	words := []string{at}
	for _, s := range []string{l.Level, l.Host, l.Service} {
		if s != "" {
			words = append(words, s)
		}
	}
	_, err := fmt.Fprintln(w, harmless(strings.Join(words, " ")+" "+l.Message))
	return err
}

// harmless takes the power over a terminal from a text.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' && r != '\n' && r != '\t', r >= 0x7f && r < 0xa0,
			r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069: // they turn the direction of what follows
			return '\uFFFD'
		}
		return r
	}, s)
}

// tail prints lines as the hub pushes them.
func (c *client) tail(cmd *cobra.Command, q url.Values, output string) error {
	q.Set("fields", "1")
	c.endless = true
	errs := cmd.ErrOrStderr()
	for answered := false; ; {
		r, err := c.open(cmd.Context(), http.MethodGet, apiLogs+"/tail", q, nil)
		if err == nil {
			answered = true
			err = errors.Join(follow(r, cmd.OutOrStdout(), errs, output), r.Close())
		}
		switch {
		case cmd.Context().Err() != nil: // interrupted, as it is meant to end
			return nil //nolint:nilerr // that is how it ends
		case !answered, errors.Is(err, errPrint):
			return err
		}
		fmt.Fprintln(errs, "The hub is away; asking again.")
		select {
		case <-cmd.Context().Done():
			return nil
		case <-time.After(2 * time.Second):
		}
	}
}

// errPrint ends a tail that nobody reads any more.
var errPrint = errors.New("print lines")

func follow(r io.Reader, out, errs io.Writer, output string) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := in.ReadString('\n')
		if data, ok := strings.CutPrefix(text, "data: "); ok {
			var push struct {
				Lines   []json.RawMessage
				Dropped int64
			}
			if err := json.Unmarshal([]byte(data), &push); err != nil {
				return err
			}
			if push.Dropped > 0 {
				fmt.Fprintf(errs, "%d lines came too fast and are left out.\n", push.Dropped)
			}
			for _, one := range push.Lines {
				if output == "json" {
					if _, err := fmt.Fprintln(out, string(one)); err != nil {
						return fmt.Errorf("%w: %w", errPrint, err)
					}
					continue
				}
				var l struct {
					Time                          string `json:"@timestamp"`
					Level, Service, Host, Message string
				}
				if err := json.Unmarshal(one, &l); err != nil {
					return err
				}
				if err := (aLine{Time: l.Time, Level: l.Level, Service: l.Service, Host: l.Host, Message: l.Message}).print(out); err != nil {
					return fmt.Errorf("%w: %w", errPrint, err)
				}
			}
		}
		if err != nil {
			return io.ErrUnexpectedEOF
		}
	}
}
