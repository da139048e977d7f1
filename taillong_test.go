//go:build long

package slogtrace

import "testing"

// The limits hold for 400,000 open roots and the default options.
func TestTailHandlerManyRootsLong(t *testing.T) { checkManyRoots(t, 400_000, nil) }
