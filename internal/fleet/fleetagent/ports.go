package fleetagent

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/wire"
)

// socket is one listening line of /proc/net/*.
type socket struct {
	port  wire.Port
	inode string
}

// ports finds what listens. Which process holds a socket is found by looking
// through every process's descriptors, which is done only when a socket is new.
type ports struct {
	root      fs.FS
	processes map[string]string // by inode; empty where nobody was found
}

func newPorts(root fs.FS) *ports { return &ports{root: root, processes: map[string]string{}} }

func (p *ports) look(ctx context.Context) (any, error) {
	var sockets []socket
	found := false
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6"} {
		b, err := fs.ReadFile(p.root, "proc/net/"+name)
		if err != nil {
			continue // a machine without IPv6 has no tcp6
		}
		found = true
		sockets = append(sockets, parseSockets(name[:3], string(b))...)
	}
	if !found {
		return nil, errNothing
	}
	low, high := parsePortRange(firstLine(p.root, "proc/sys/net/ipv4/ip_local_port_range"))
	sockets = slices.DeleteFunc(sockets, func(s socket) bool {
		// A client's UDP socket looks like a server's; its port tells them apart.
		return s.port.Protocol == "udp" && s.port.Port >= low && s.port.Port <= high
	})
	if err := p.findProcesses(ctx, sockets); err != nil {
		return nil, err
	}
	all := make([]wire.Port, 0, len(sockets))
	for _, s := range sockets {
		s.port.Process = p.processes[s.inode]
		all = append(all, s.port)
	}
	slices.SortFunc(all, func(a, b wire.Port) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Process, b.Process))
	})
	return wire.Ports{Ports: slices.Compact(all)}, nil
}

// findProcesses fills p.processes for every socket.
func (p *ports) findProcesses(ctx context.Context, sockets []socket) error {
	wanted := map[string]string{}
	isNew := false
	for _, s := range sockets {
		name, known := p.processes[s.inode]
		wanted[s.inode] = name
		isNew = isNew || !known
	}
	if isNew {
		if err := findHolders(ctx, p.root, wanted); err != nil {
			return err
		}
	}
	p.processes = wanted
	return nil
}

// findHolders looks through the descriptors of all processes for sockets.
func findHolders(ctx context.Context, root fs.FS, wanted map[string]string) error {
	return eachProcess(ctx, root, func(pid string) {
		fds, err := fs.ReadDir(root, "proc/"+pid+"/fd")
		if err != nil {
			return // it ended, or we may not look
		}
		for _, fd := range fds {
			link, err := fs.ReadLink(root, "proc/"+pid+"/fd/"+fd.Name())
			if err != nil {
				continue
			}
			inode, ok := strings.CutPrefix(link, "socket:[")
			inode = strings.TrimSuffix(inode, "]")
			if held, asked := wanted[inode]; ok && asked && held == "" {
				wanted[inode] = firstLine(root, "proc/"+pid+"/comm")
			}
		}
	})
}

// eachProcess calls f with every process id.
func eachProcess(ctx context.Context, root fs.FS, f func(pid string)) error {
	entries, err := fs.ReadDir(root, "proc")
	if err != nil {
		return fmt.Errorf("list the processes: %w", err)
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := strconv.ParseUint(e.Name(), 10, 32); err == nil {
			f(e.Name())
		}
	}
	return nil
}

const (
	stateListen      = "0A" // TCP
	stateUnconnected = "07" // UDP
)

// parseSockets reads /proc/net/tcp and its like, and keeps what listens.
func parseSockets(protocol, s string) []socket {
	var all []socket
	for line := range strings.Lines(s) {
		f := strings.Fields(line)
		if len(f) < 10 || protocol == "tcp" && f[3] != stateListen || protocol == "udp" && f[3] != stateUnconnected {
			continue
		}
		addr, ok := parseHexAddress(f[1])
		uid, err := strconv.Atoi(f[7])
		if !ok || err != nil {
			continue
		}
		all = append(all, socket{inode: f[9], port: wire.Port{
			Protocol: protocol, Address: addr.Addr().String(), Port: int(addr.Port()), UID: uid,
		}})
	}
	return all
}

// parseHexAddress reads "0100007F:1F90": words of 32 bits in the byte order of
// the machine, which is little endian on all that Vigie runs on.
func parseHexAddress(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	p, perr := strconv.ParseUint(port, 16, 16)
	if err != nil || perr != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], binary.LittleEndian.Uint32(b[i:]))
	}
	addr, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), true
}

// parsePortRange reads "32768 60999"; nothing readable is an empty range.
func parsePortRange(s string) (low, high int) {
	f := strings.Fields(s)
	if len(f) != 2 {
		return 1, 0
	}
	low, err1 := strconv.Atoi(f[0])
	high, err2 := strconv.Atoi(f[1])
	if err1 != nil || err2 != nil {
		return 1, 0
	}
	return low, high
}
