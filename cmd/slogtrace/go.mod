module github.com/slogtrace/slogtrace/cmd/slogtrace

go 1.26

require github.com/slogtrace/slogtrace v0.0.0
