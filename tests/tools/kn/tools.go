//go:build tools

// Package tools pins kn: Knative 1.18, the latest of whose two modules the checksum database knows both.
package tools

import _ "knative.dev/client/cmd/kn"
