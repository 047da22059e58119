package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// How long to rest between two questions.
	pause = 25 * time.Millisecond
	// How long one question may take.
	patience = 5 * time.Second
)

// server is an API server that is asked with the rights of its administrator.
type server struct {
	url    string
	client *http.Client
}

// newServer takes the keys from a folder that `keys` has filled.
func newServer(folder, url string) (*server, error) {
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "admin.crt"), filepath.Join(folder, "admin.key"))
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}
	return &server{url, &http.Client{Transport: transport, Timeout: patience}}, nil
}

// wait returns when the API server is ready and namespaces can be used. With a
// node, also when pods can run on it and the service account that they would
// use is there.
func (s *server) wait(node string, deadline time.Time) error {
	steps := []step{
		{"the API server is not ready", func() error { return s.get("/readyz", nil) }},
		{"there is no namespace `default`", func() error { return s.get("/api/v1/namespaces/default", nil) }},
	}
	if node != "" {
		steps = append(steps,
			step{"the node cannot be made", func() error { return s.makeNode(node) }},
			step{"the node is not ready", func() error { return s.nodeIsReady(node) }},
			step{"there is no service account in the namespace `default`", func() error {
				return s.get("/api/v1/namespaces/default/serviceaccounts/default", nil)
			}},
		)
	}
	for _, step := range steps {
		for {
			err := step.try()
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s: %w", step.otherwise, err)
			}
			time.Sleep(pause)
		}
	}
	return nil
}

// step is tried until it succeeds.
type step struct {
	otherwise string
	try       func() error
}

// object is what is read of a node.
type object struct {
	Spec struct {
		Taints []struct{ Key string }
	}
	Status struct {
		Conditions []struct{ Type, Status string }
	}
}

func (s *server) makeNode(name string) error {
	node := map[string]any{
		"apiVersion": "v1",
		"kind":       "Node",
		"metadata": map[string]any{
			"name": name,
			"labels": map[string]string{
				"kubernetes.io/arch":     "amd64",
				"kubernetes.io/hostname": name,
				"kubernetes.io/os":       "linux",
				"type":                   "kwok",
			},
		},
	}
	body, err := json.Marshal(node)
	if err != nil {
		return err
	}
	status, answer, err := s.ask(http.MethodPost, "/api/v1/nodes", body)
	if err != nil || status == http.StatusCreated || status == http.StatusConflict {
		return err
	}
	return refusal(status, answer)
}

func (s *server) nodeIsReady(name string) error {
	var node object
	if err := s.get("/api/v1/nodes/"+name, &node); err != nil {
		return err
	}
	for _, taint := range node.Spec.Taints {
		// The node controller takes this away a moment after the node is ready.
		if strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
			return fmt.Errorf("it has the taint `%s`", taint.Key)
		}
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("it has no condition `Ready` that is true")
}

// get expects success, and reads the answer into a value where one is given.
func (s *server) get(path string, into any) error {
	status, answer, err := s.ask(http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return refusal(status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

func (s *server) ask(method, path string, body []byte) (int, []byte, error) {
	request, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

func refusal(status int, answer []byte) error {
	return fmt.Errorf("%s: %s", http.StatusText(status), strings.TrimSpace(string(answer)))
}
