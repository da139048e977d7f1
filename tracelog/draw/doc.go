// Package draw shows traces on a terminal, as a tree of spans ([Tree]) or as bars on a common axis of time ([Waterfall]).
//
//	for _, t := range tracelog.Assemble(entries) {
//		draw.Tree(os.Stdout, t, &draw.Options{Logs: true})
//	}
//
// No text of a log reaches the terminal unescaped; see [Text], which is for your own output too.
package draw
