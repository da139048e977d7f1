package tracelog

// A joiner joins the lines that a container runtime cut: docker after 16 KiB, CRI at any place. The parts of stdout
// and stderr may alternate. It holds at most one line of each.
type joiner struct {
	streams []joined
}

type joined struct {
	stream string
	line   []byte // the line so far, in the form of CRI; nil once it is too long
	size   int
	parts  int
	last   int // number of the line with the last part
}

// add takes a part of a line. Number is the number of its line in the file.
func (j *joiner) add(c *chunk, number int) {
	s := j.find(c.stream)
	if s == nil {
		j.streams = append(j.streams, joined{stream: c.stream})
		s = &j.streams[len(j.streams)-1]
	}
	s.parts++
	s.last = number
	s.size += len(c.content)
	switch {
	case s.parts == 1:
		s.line = c.appendTo(nil)
	case s.size > maxLine:
		s.line = nil
	case s.line != nil:
		s.line = append(s.line, c.content...)
	}
}

func (j *joiner) find(stream string) *joined {
	for i := range j.streams {
		if s := &j.streams[i]; s.stream == stream && s.parts > 0 {
			return s
		}
	}
	return nil
}

// pending reports whether a line has begun and not ended.
func (j *joiner) pending() bool { return len(j.streams) > 0 }

// end returns the whole line, if this line is the end of one that was cut. It is nil if it is too long.
func (j *joiner) end(p *lineParser, line []byte) (whole []byte, ok bool) {
	c, ok := p.container(line)
	if !ok || c.partial {
		return nil, false
	}
	for i := range j.streams {
		s := &j.streams[i]
		if s.stream != c.stream {
			continue
		}
		j.streams[i].size += len(c.content)
		if s.line != nil && s.size <= maxLine {
			whole = append(s.line, c.content...)
		}
		j.streams = append(j.streams[:i], j.streams[i+1:]...)
		return whole, true
	}
	return nil, false
}
