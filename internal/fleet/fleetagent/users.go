package fleetagent

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/wire"
)

// readUsers lists who can log in. It counts authorized keys and reads nothing
// else of them, and it never opens /etc/shadow.
func readUsers(root fs.FS) (wire.Users, error) {
	b, err := fs.ReadFile(root, "etc/passwd")
	if err != nil {
		return wire.Users{}, fmt.Errorf("read the users: %w", err)
	}
	users := parsePasswd(string(b))
	for i, u := range users {
		users[i].AuthorizedKeys = countKeys(root, u.Home)
	}
	return wire.Users{Users: users}, nil
}

// parsePasswd reads passwd(5) and keeps accounts with a shell one can work in.
func parsePasswd(s string) []wire.User {
	users := []wire.User{}
	for line := range strings.Lines(s) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 7 || f[0] == "" || strings.HasPrefix(f[0], "#") || !isLoginShell(f[6]) {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 != nil || err2 != nil {
			continue
		}
		users = append(users, wire.User{Name: text(f[0]), UID: uid, GID: gid, Home: text(f[5]), Shell: text(f[6])})
	}
	slices.SortStableFunc(users, func(a, b wire.User) int { return strings.Compare(a.Name, b.Name) })
	return users
}

// isLoginShell says whether a shell lets somebody in; an empty one is /bin/sh.
func isLoginShell(shell string) bool {
	switch path.Base(shell) {
	case "nologin", "false", "true", "sync", "halt", "shutdown":
		return false
	}
	return true
}

// countKeys counts the keys that open an account over ssh.
func countKeys(root fs.FS, home string) int {
	dir := strings.Trim(path.Clean("/"+home), "/")
	n := 0
	for _, name := range []string{"authorized_keys", "authorized_keys2"} {
		file := path.Join(dir, ".ssh", name)
		if info, err := fs.Stat(root, file); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
			continue
		}
		if b, err := fs.ReadFile(root, file); err == nil {
			n += countKeyLines(string(b))
		}
	}
	return n
}

// countKeyLines counts the lines of an authorized_keys file that are no comment.
func countKeyLines(s string) int {
	n := 0
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			n++
		}
	}
	return n
}
