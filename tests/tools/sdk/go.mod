module mp3converter/tests/tools/sdk

go 1.24

// The version in faas-cli 0.18.12.
require github.com/openfaas/go-sdk v0.2.22

require github.com/openfaas/faas-provider v0.25.8
