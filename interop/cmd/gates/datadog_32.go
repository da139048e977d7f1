//go:build 386 || arm || mips || mipsle

package main

// datadog has no rows here: its tracer does not compile for 32-bit systems.
var (
	datadog       tool
	judgedDatadog *judged
)

func datadogHeader(*session) work { return work{} }
