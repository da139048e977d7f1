//go:build unix

package slogtrace

import "github.com/slogtrace/slogtrace/internal/cputest"

var wantLinear = cputest.WantLinear
