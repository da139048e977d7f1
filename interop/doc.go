// Package interop tests slogtrace against other people's libraries, servers and drivers.
// It is a module of its own, so their requirements never reach a user of slogtrace.
// It is a workspace of its own, so the tests of the root's workspace need none of them.
// Run its tests in this directory:
//
//	go test ./...
//
// The tests of PostgreSQL start a server of their own (internal/postgres). They skip where it is not installed;
// on Debian: apt-get install postgresql.
//
// Those of log stores and of OTLP start VictoriaLogs and, with the build tag long, Jaeger (internal/victorialogs, internal/jaeger).
// They skip until these are built, which takes 15 seconds and minutes; a cache keeps both programs:
//
//	go run ./cmd/servers victorialogs
//	go run ./cmd/servers -p 1 jaeger
//
// So do those of Prometheus, with which tracemetrics and docs/dashboard are tested; on Debian: apt-get install prometheus.
// And those of ClickHouse (internal/clickhouse); on Debian: apt-get install clickhouse-server. The newest ClickHouse runs in Node.js:
// npm install --no-package-lock in stores.
//
// Command gates, in cmd/gates, measures slogtrace against its own bounds and
// against the alternatives of a user. Its table is gates.md. gates.json has the same data.
// This command makes both again, in about six minutes:
//
//	go run ./cmd/gates -json gates.json -md gates.md
//
// This one measures some jobs only, and puts them into the table:
//
//	go run ./cmd/gates -job 'sql.*' -merge gates.json -json gates.json -md gates.md
//
// The machine must do nothing else meanwhile. Most ratios tolerate other work. But a garbage collection
// and the job parallel need both cores. This command checks the committed table:
//
//	go run ./cmd/gates -rounds 5 -batch 10ms -check gates.json
//
// Command storespeed, in cmd/storespeed, measures how fast slogtrace reads VictoriaLogs, against the store's own queries. Its table
// is storespeed.md. Command readspeed, a module of its own, measures how fast it reads files. Its table is readspeed.md.
//
// Command soak, in cmd/soak, makes many records in two services under load, with receivers that fail, and accounts for each record.
// The summary of a run is soak.md. This command makes it, in some minutes:
//
//	go run ./cmd/soak -records 3000000
//
// Package pgqueue is a job queue in a table of PostgreSQL, the code of docs/guide/queues.md.
//
// Command w3cservice is the service that the W3C's public suite for Trace Context drives. Its comment describes how.
//
// cmd/gates/findings.go lists what peers' slog handlers get wrong according to tracetest.CheckHandler. The table has
// these findings as notes, with the version. A test fails if a handler gets better or worse, and tells you what to change.
//
// Peers are measured at their newest versions, which go mod tidy alone does not choose. For each module of peers.go:
//
//	go mod edit -replace github.com/slogtrace/slogtrace=..
//	GOWORK=off go get go.uber.org/zap@latest
//	go mod edit -dropreplace github.com/slogtrace/slogtrace
//	bash ../.ci/tidy
package interop
