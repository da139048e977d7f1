package loggen

// write writes the line of a record, and in a hard log the lines around it.
func (g *generator) write(r *record) {
	if !g.hard {
		g.buf = append(r.plain(g.buf[:0]), '\n')
		g.put(g.buf)
		return
	}
	g.flushDue()
	if g.chance(0.01) {
		g.truth.Junk++
		g.put(g.junk())
	}
	g.buf = append(g.difficult(g.buf[:0], r), '\n')
	g.put(g.buf)
	if g.chance(0.01) {
		g.copies = append(g.copies, copied{g.truth.Lines + g.rand.IntN(2000), append([]byte(nil), g.buf...)})
		g.truth.Duplicates++
		if r.msg == "span end" {
			g.truth.DuplicateEnds++
		}
	}
}

func (g *generator) put(line []byte) {
	g.truth.Lines++
	g.truth.Bytes += int64(len(line))
	g.out.Write(line) // Flush returns the error
}

func (g *generator) flushDue() {
	kept := g.copies[:0]
	for _, c := range g.copies {
		if c.due <= g.truth.Lines {
			g.put(c.line)
		} else {
			kept = append(kept, c)
		}
	}
	g.copies = kept
}

func (g *generator) flushCopies() {
	for _, c := range g.copies {
		g.put(c.line)
	}
}
