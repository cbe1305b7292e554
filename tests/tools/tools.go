//go:build tools

// Package tools pins the programs that the tests run and that are written in Go.
package tools

import _ "github.com/openfaas/faas-cli"
