// What it takes to start a control plane and what a shell cannot do: to make
// keys and certificates, and to ask the API server over TLS.
//
// Only the standard library, so that this is built in seconds where the
// programs of the control plane come from elsewhere.
package main

import (
	"fmt"
	"os"
	"time"
)

const usage = `usage:
  tool keys FOLDER             makes a certificate authority, keys and certificates
  tool wait FOLDER URL LIMIT   waits until the API server at URL answers
  tool wait FOLDER URL LIMIT NODE
                               makes a node, too, and waits until pods can run on it`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "keys":
		return makeKeys(arguments[1], time.Now())
	case len(arguments) >= 4 && len(arguments) <= 5 && arguments[0] == "wait":
		limit, err := time.ParseDuration(arguments[3])
		if err != nil {
			return err
		}
		server, err := newServer(arguments[1], arguments[2])
		if err != nil {
			return err
		}
		node := ""
		if len(arguments) == 5 {
			node = arguments[4]
		}
		return server.wait(node, time.Now().Add(limit))
	default:
		return fmt.Errorf("%s", usage)
	}
}
