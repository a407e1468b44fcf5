//go:build tools

// Package conformance names the tools, so that go.mod keeps them.
package conformance

import _ "github.com/summerwind/h2spec/cmd/h2spec"
