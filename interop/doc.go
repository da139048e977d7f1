// Package interop holds tests of slogtrace against the real thing: other people's
// libraries, servers and drivers. It is a module of its own, so that what they
// require never reaches a user of slogtrace, and a workspace of its own, so that
// the tests of the root's workspace need none of it. Its tests are run here:
//
//	go test ./...
//
// Command gates, in cmd/gates, measures slogtrace against the bounds that it sets itself and
// against what a user would pick instead. Its table is gates.md, with the same in gates.json.
// Both are made anew, in about six minutes, by
//
//	go run ./cmd/gates -json gates.json -md gates.md
//
// on a machine that does nothing else meanwhile: ratios bear other work, but the two cores of a
// collection of garbage, and of the job parallel, do not. What is committed is checked by
//
//	go run ./cmd/gates -rounds 5 -batch 10ms -check gates.json
//
// Command w3cservice is the service that the W3C's public suite for Trace Context drives; it says how.
//
// What a peer's slog handler gets wrong by tracetest.CheckHandler is said in cmd/gates/findings.go, and stands in the table
// as notes with the version. A test fails when a handler becomes better or worse than that, and says what to change.
//
// Peers are measured at their newest versions, which go mod tidy alone does not choose. For each module of peers.go:
//
//	go mod edit -replace github.com/slogtrace/slogtrace=..
//	GOWORK=off go get go.uber.org/zap@latest
//	go mod edit -dropreplace github.com/slogtrace/slogtrace
//	bash ../.ci/tidy
package interop
