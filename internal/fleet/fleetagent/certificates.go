package fleetagent

import (
	"io/fs"

	"github.com/vigie-ops/vigie/internal/lib/certfile"
	"github.com/vigie-ops/vigie/internal/wire"
)

// readCertificates reads the certificates the patterns name.
func readCertificates(root fs.FS, patterns []string) wire.Certificates {
	all := []wire.Certificate{}
	for _, path := range certfile.Find(root, patterns) {
		c := wire.Certificate{Path: text(path)}
		cert, err := certfile.Read(root, path)
		if err != nil {
			c.Error = text(err.Error())
			all = append(all, c)
			continue
		}
		c.Subject, c.Issuer = text(cert.Subject.String()), text(cert.Issuer.String())
		for _, name := range cert.DNSNames {
			c.Names = append(c.Names, text(name))
		}
		for _, ip := range cert.IPAddresses {
			c.Names = append(c.Names, ip.String())
		}
		c.NotBefore, c.NotAfter = cert.NotBefore.UTC(), cert.NotAfter.UTC()
		all = append(all, c)
	}
	return wire.Certificates{Certificates: all}
}
