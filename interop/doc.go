// Package interop holds tests of slogtrace against the real thing: other people's
// libraries, servers and drivers. It is a module of its own, so that what they
// require never reaches a user of slogtrace.
package interop
