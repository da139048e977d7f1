package follow

import "io"

// lastLines returns where the last lines of a file begin and end. If lines is less than 0 it takes all of them.
// With follow, a last line without a newline is not one of them: it will be followed.
func lastLines(f io.ReaderAt, size int64, lines int, follow bool) (begin, end int64, err error) {
	if lines == 0 && !follow {
		return size, size, nil
	}
	const block = 64 << 10
	buf := make([]byte, block)
	end = size
	seen := 0 // newlines, from the end
	ended := false
	for at := size; at > 0; {
		n := min(block, at)
		at -= n
		if _, err := f.ReadAt(buf[:n], at); err != nil && err != io.EOF {
			return 0, 0, err
		}
		for i := n - 1; i >= 0; i-- {
			if buf[i] != '\n' {
				continue
			}
			here := at + i + 1
			switch {
			case !ended:
				ended = true
				if follow {
					end = here
				} else if here < size {
					seen++ // the last line has no newline, and is one
				}
				if lines < 0 {
					return 0, end, nil
				}
			default:
				seen++
			}
			if seen == lines {
				return here, end, nil
			}
		}
	}
	if !ended && follow {
		end = 0
	}
	return 0, end, nil
}
