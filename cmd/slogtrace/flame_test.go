package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// profileFile writes the profile of a log to a file.
func profileFile(t *testing.T, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "p.pb.gz")
	var stdout, stderr strings.Builder
	if code := run(t.Context(), append([]string{"flame", "--format", "pprof", "-o", file}, args...), nil, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d, %s", code, stderr.String())
	}
	return file
}

// A profile is what package profile reads, and its stacks are the folded ones.
func TestFlameProfile(t *testing.T) {
	var folded, stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"flame", "testdata/booking"}, nil, &folded, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	if code := run(t.Context(), []string{"flame", "--format", "pprof", "testdata/booking"}, nil, &stdout, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	p, err := profile.Parse(&stdout)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, s := range p.Sample {
		var frames []string
		for i := len(s.Location) - 1; i >= 0; i-- {
			frames = append(frames, s.Location[i].Line[0].Function.Name)
		}
		if micros := s.Value[2] / 1000; micros > 0 {
			lines++
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(strings.Join(frames, ";")) + ` \d+$`).Match(folded.Bytes()) {
				t.Errorf("no line %v %d", frames, micros)
			}
		}
	}
	spans := int64(0)
	for _, s := range p.Sample {
		spans += s.Value[0]
	}
	if lines != bytes.Count(folded.Bytes(), []byte("\n")) || spans != 51 {
		t.Errorf("%d stacks of %d spans in\n%s", lines, spans, folded.String())
	}
}

// go tool pprof reads profiles, and the difference of two.
func TestFlamePprof(t *testing.T) {
	all, failed := profileFile(t, "testdata/booking"), profileFile(t, "--error", "testdata/booking")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-top", all}, `4200\.58ms +91\.\d+% +91\.\d+% +4200\.58ms +91\.\d+% +bank\.authorize \[payments\]`},
		{[]string{"-top", "-sample_index=spans", "-nodefraction=0", all}, `(?m)^ +8 .* webhook\.deliver \[booking-worker\]$|(?m)^ +7 .* webhook\.deliver \[booking-worker\]$`},
		{[]string{"-top", "-sample_index=errors", "-nodefraction=0", all}, `(?m)^ +2 .* webhook\.deliver \[booking-worker\]$`},
		{[]string{"-top", "-diff_base", failed, all}, `4200\.58ms .* bank\.authorize \[payments\]`},
		{[]string{"-top", "-diff_base", all, all}, `Showing nodes accounting for 0, 0% of`},
	} {
		out, err := exec.Command("go", append([]string{"tool", "pprof"}, test.args...)...).CombinedOutput()
		if err != nil || !regexp.MustCompile(test.want).Match(out) {
			t.Errorf("pprof %v: %v\n%s", test.args, err, out)
		}
	}
}
