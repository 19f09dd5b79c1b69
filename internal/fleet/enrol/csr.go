package enrol

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
)

// maxCSR bounds a certificate request, in bytes.
const maxCSR = 16 << 10

// publicKey takes of a certificate request the one thing that its sender may
// decide, the public key, after its signature showed that he has the private
// one. Subject and extensions are not looked at.
func publicKey(csr []byte) (any, error) {
	if len(csr) > maxCSR {
		return nil, ErrCSR
	}
	block, _ := pem.Decode(csr)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, ErrCSR
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, ErrCSR
	}
	switch key := r.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, ErrCSR
		}
	case ed25519.PublicKey:
	default:
		return nil, ErrCSR
	}
	if err := r.CheckSignature(); err != nil {
		return nil, ErrCSR
	}
	return r.PublicKey, nil
}
