package part_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// reader prints what Arrow reads in a file: the types of its columns, and lines
// with times as numbers.
const reader = `
import json, sys
import pyarrow as pa, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1], page_checksum_verification=True)
table.validate(full=True)
types = {c.name: str(c.type) for c in table.schema}
columns = {}
for c in table.schema:
    values = table.column(c.name)
    if pa.types.is_timestamp(c.type):
        values = values.cast(pa.int64())
    if not pa.types.is_binary(c.type):
        columns[c.name] = values.to_pylist()
json.dump({"types": types, "columns": columns}, sys.stdout)
`

type arrow struct {
	Types   map[string]string
	Columns map[string][]any
}

// readByArrow reads a file with Arrow, which is not ours.
func readByArrow(t *testing.T, path string) (a arrow) {
	t.Helper()
	dir := os.Getenv("VIGIE_TEST_PYARROW")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(cache, "vigie", "pyarrow")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatal("there is no pyarrow: `make test` installs it, and VIGIE_TEST_PYARROW says where another one is")
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-c", reader, path)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestArrowReadsTheLines(t *testing.T) {
	info, lines := generate(1, 20_000)
	path := filepath.Join(t.TempDir(), "a.parquet")
	if _, err := part.WriteSmall(path, info, lines, 9000, 2000); err != nil {
		t.Fatal(err)
	}
	got := readByArrow(t, path)
	types := map[string]string{
		"@timestamp": "timestamp[ns, tz=UTC]", "event.ingested": "timestamp[ns, tz=UTC]", "_seq": "int64", "vigie.owner": "string", "vigie.class": "string",
		"_index": "string", "_id": "string", "message": "string", "_rest": "string", "_exact": "binary",
		"host.name": "string", "log.level": "string", "log.syslog.facility.name": "string", "process.pid": "int64", "service.name": "string",
		"source.ip": "string", "user.name": "string", "vigie.instance": "string",
	}
	if d := cmp.Diff(types, got.Types); d != "" {
		t.Errorf("types (-want +got):\n%s", d)
	}
	p, err := part.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	row := 0
	err = p.Each(t.Context(), nil, 0, 0, part.AsWritten, func(r *record.Record) error {
		for name := range types {
			if name == "_rest" || name == "_exact" {
				continue
			}
			// Numbers came as JSON, that is as floats, on both sides.
			var want, seen any = nil, got.Columns[name][row]
			if v, ok := r.Get(name); ok && (name != record.ID || r.ID != "") {
				if want = v.Text(); v.Kind != record.String {
					want = float64(v.Num)
				}
			}
			if want != seen {
				t.Fatalf("line %d: %s is %v, want %v", row, name, seen, want)
			}
		}
		row++
		return nil
	})
	if err != nil || row != len(lines) {
		t.Errorf("%d lines, %v", row, err)
	}
}

func TestArrowReadsOddLines(t *testing.T) {
	value := func(name string, v record.Value) record.Field { return record.Field{Name: name, Value: v} }
	lines := []record.Record{
		{Time: 1, Message: "plain", Fields: []record.Field{value("code", record.IntValue(1)), value("f", record.FloatValue(0.5)), value("ok", record.BoolValue(true)), value("text", record.StringValue("a"))}},
		{Time: 2, Message: "\xff", Fields: []record.Field{value("code", record.IntValue(2)), value("f", record.IntValue(2)), value("ok", record.BoolValue(false)), value("text", record.IntValue(5))}},
		{Time: 3, Fields: []record.Field{value("code", record.StringValue("none")), value("tags", record.StringValue("a")), value("tags", record.StringValue("b")), value("text", record.StringValue("b"))}},
	}
	for i := range lines {
		lines[i].Owner, lines[i].Class = info.Owner, info.Class
	}
	path := filepath.Join(t.TempDir(), "a.parquet")
	if _, err := part.Write(path, info, lines); err != nil {
		t.Fatal(err)
	}
	got := readByArrow(t, path).Columns
	for name, want := range map[string][]any{
		"message": {"plain", "\uFFFD", nil}, "code": {1.0, 2.0, nil}, "f": {0.5, 2.0, nil}, "ok": {true, false, nil},
		"text": {"a", "5", "b"}, "tags": {nil, nil, "a"}, "_rest": {nil, nil, `{"code":"none","tags":["a","b"]}`},
	} {
		if d := cmp.Diff(want, got[name]); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
