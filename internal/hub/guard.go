package hub

import (
	"fmt"
	"net/netip"
)

// notLinkLocal keeps the probes of the operations repository away from
// addresses that mean this machine's own surroundings, above all the metadata
// service of a cloud, which answers whoever asks from here with credentials.
func notLinkLocal(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip == awsMetadata {
		return fmt.Errorf("%s is link-local or a cloud's metadata service; the hub does not probe it", ip)
	}
	return nil
}

// awsMetadata is where EC2 serves its metadata over IPv6.
var awsMetadata = netip.MustParseAddr("fd00:ec2::254")
