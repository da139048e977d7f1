package backend

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxRow limits a row of an answer.
const maxRow = 16 << 20

// EachRow calls fn with each row of an answer, which is a line of text. Fn must not keep the row. An answer that ends in
// the middle of a row is a [CutError]; fn gets that part of a row, too.
func EachRow(r io.Reader, fn func(row []byte) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	var long []byte
	for {
		line, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull || len(long) > 0 {
			if len(long)+len(line) > maxRow {
				return fmt.Errorf("a row of more than %d MB", maxRow>>20)
			}
			long = append(long, line...)
			if err == bufio.ErrBufferFull {
				continue
			}
			line = long
		}
		row := bytes.TrimSpace(line)
		if len(row) > 0 {
			if err := fn(row); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case err == io.EOF && len(row) == 0:
			return nil
		case err == io.EOF:
			return &CutError{errors.New("the answer was cut off")}
		case errors.As(err, new(idleError)):
			return err
		default:
			return &CutError{fmt.Errorf("the answer was cut off: %w", err)}
		}
		long = long[:0]
	}
}
