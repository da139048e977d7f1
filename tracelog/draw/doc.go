// Package draw shows traces on a terminal, as a tree of spans ([Tree]) or as bars on a common time axis
// ([Waterfall]).
//
//	for _, t := range tracelog.Assemble(entries) {
//		draw.Tree(os.Stdout, t, &draw.Options{Logs: true})
//	}
//
// No text of a log reaches the terminal unescaped. Use [Text] for your own output too.
package draw
