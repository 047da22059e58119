package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Longer than anybody keeps a cluster for tests.
const validity = 30 * 24 * time.Hour

// The clients that have a certificate. Authorization goes by these names: the
// last two are bound to roles that every API server comes with.
var clients = []struct{ file, user, group string }{
	{"admin", "kubernetes-admin", "system:masters"},
	{"kube-controller-manager", "system:kube-controller-manager", ""},
	{"kube-scheduler", "system:kube-scheduler", ""},
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	now         time.Time
}

// makeKeys writes a certificate authority, a certificate for a server on
// loopback, one for each client, and the key that signs the tokens of service
// accounts.
func makeKeys(folder string, now time.Time) error {
	authority, err := newAuthority(now)
	if err != nil {
		return err
	}
	if err := write(folder, "ca.crt", "CERTIFICATE", authority.certificate.Raw); err != nil {
		return err
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		// The second one is what pods would use: the first of the services.
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 0, 0, 1)},
	}
	if err := authority.issue(folder, "kube-apiserver", server); err != nil {
		return err
	}
	for _, client := range clients {
		subject := pkix.Name{CommonName: client.user}
		if client.group != "" {
			subject.Organization = []string{client.group}
		}
		usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if err := authority.issue(folder, client.file, &x509.Certificate{Subject: subject, ExtKeyUsage: usage}); err != nil {
			return err
		}
	}
	tokens, err := newKey()
	if err != nil {
		return err
	}
	return writeKey(folder, "service-accounts", tokens)
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "tests"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	raw, err := sign(template, template, key.Public(), key, now)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return &authority{certificate, key, now}, err
}

// issue writes a certificate and its key.
func (a *authority) issue(folder, file string, template *x509.Certificate) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	raw, err := sign(template, a.certificate, key.Public(), a.key, a.now)
	if err != nil {
		return err
	}
	if err := write(folder, file+".crt", "CERTIFICATE", raw); err != nil {
		return err
	}
	return writeKey(folder, file, key)
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key *ecdsa.PrivateKey, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = now.Add(-time.Hour)
	template.NotAfter = now.Add(validity)
	return x509.CreateCertificate(rand.Reader, template, parent, public, key)
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func writeKey(folder, file string, key *ecdsa.PrivateKey) error {
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return write(folder, file+".key", "EC PRIVATE KEY", raw)
}

func write(folder, file, kind string, raw []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
	return os.WriteFile(filepath.Join(folder, file), text, 0o600)
}
