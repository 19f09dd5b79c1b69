package parse

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Journal reads entries of the export format of journald,
// systemd.io/JOURNAL_EXPORT_FORMATS.
type Journal struct {
	r    *bufio.Reader
	most int
}

// NewJournal reads entries from r; a value is cut at so many bytes.
func NewJournal(r io.Reader, most int) *Journal {
	return &Journal{bufio.NewReaderSize(r, 64<<10), most}
}

// More says whether something was read already that Next has not returned: it
// does not wait.
func (j *Journal) More() bool { return j.r.Buffered() > 0 }

// ErrJournal is what is no export of a journal.
var ErrJournal = errors.New("this is no export of a journal")

// Next returns an entry, empty at empty lines; values that are too long are
// cut. An entry without an end comes with io.EOF.
func (j *Journal) Next() (map[string]string, error) {
	entry := map[string]string{}
	for {
		line, err := j.line()
		if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
			return entry, err
		}
		if line == "" {
			if len(entry) == 0 {
				continue
			}
			return entry, nil
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			if value, err = j.binary(); err != nil {
				return nil, err
			}
		}
		if name == "" || len(name) > 64 {
			return nil, fmt.Errorf("%w: the name of a field has 1 to 64 bytes", ErrJournal)
		}
		if len(entry) < 500 {
			entry[name] = value
		}
	}
}

func (j *Journal) line() (string, error) {
	var b strings.Builder
	for {
		part, err := j.r.ReadSlice('\n')
		if room := j.most - b.Len(); room > 0 {
			b.Write(part[:min(len(part), room)])
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return strings.TrimSuffix(b.String(), "\n"), err
	}
}

// binary reads a value with line breaks: its length, itself, a line break.
func (j *Journal) binary() (string, error) {
	var n uint64
	if err := binary.Read(j.r, binary.LittleEndian, &n); err != nil {
		return "", cutOff(err)
	}
	if n > 1<<30 {
		return "", fmt.Errorf("%w: a value of %d bytes", ErrJournal, n)
	}
	b := make([]byte, min(n, uint64(j.most))) //nolint:gosec // a size
	if _, err := io.ReadFull(j.r, b); err != nil {
		return "", cutOff(err)
	}
	if _, err := io.CopyN(io.Discard, j.r, int64(n)-int64(len(b))); err != nil { //nolint:gosec // bounded above
		return "", cutOff(err)
	}
	if c, err := j.r.ReadByte(); err != nil || c != '\n' {
		return "", fmt.Errorf("%w: a value does not end where it says", ErrJournal)
	}
	return string(b), nil
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", ErrJournal)
	}
	return err
}

// journalNames gives fields of the journal their names of Elastic Common Schema.
var journalNames = map[string]string{
	"_HOSTNAME": "host.hostname", "_MACHINE_ID": "host.id", "_PID": "process.pid", "_COMM": "process.name", "_EXE": "process.executable", "_CMDLINE": "process.command_line",
	"_UID": "user.id", "_SYSTEMD_UNIT": "systemd.unit", "_TRANSPORT": "systemd.transport", "_BOOT_ID": "host.boot.id", "SYSLOG_IDENTIFIER": "log.syslog.appname",
	"CONTAINER_NAME": "container.name", "CONTAINER_ID_FULL": "container.id", "IMAGE_NAME": "container.image.name", "MESSAGE_ID": "event.code",
	"CODE_FILE": "log.origin.file.name", "CODE_LINE": "log.origin.file.line", "CODE_FUNC": "log.origin.function", "UNIT": "systemd.about", "EXIT_CODE": "process.exit",
}

// JournalLine makes a line of an entry of the journal.
func JournalLine(entry map[string]string) record.Record {
	r := record.Record{Message: valid(entry["MESSAGE"])}
	for _, name := range []string{"_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"} {
		if us, err := strconv.ParseInt(entry[name], 10, 64); err == nil && us > 0 && us < 1<<53 {
			r.Time = us * 1000
			break
		}
	}
	for name, value := range entry {
		field, ok := journalNames[name]
		if !ok || value == "" {
			continue
		}
		v := record.StringValue(valid(value))
		if field == "process.pid" || field == "log.origin.file.line" {
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				v = record.IntValue(n)
			}
		}
		r.Fields = append(r.Fields, record.Field{Name: field, Value: v})
	}
	r.Sort()
	if n, err := strconv.ParseInt(entry["PRIORITY"], 10, 64); err == nil && n >= 0 && n < int64(len(record.Levels)) {
		r.Put(record.Level, record.StringValue(record.Levels[n]))
	}
	for _, name := range []string{"SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_COMM"} {
		if v := valid(strings.TrimSuffix(entry[name], ".service")); v != "" {
			r.Put(record.Service, record.StringValue(v))
			break
		}
	}
	return r
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
