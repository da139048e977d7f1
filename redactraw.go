package slogtrace

import "encoding/json"

// This file looks for secrets in the JSON that methods write.

// marshalRaw returns what m writes, valid or not. ok is false if it writes nothing.
func marshalRaw(m json.Marshaler) (raw []byte, ok bool) {
	defer func() {
		if recover() != nil {
			raw, ok = nil, false // encoding/json or slog will say so
		}
	}()
	raw, err := m.MarshalJSON()
	return raw, err == nil
}

// mayBeIn reports whether there may be something to replace in data, which need not be valid JSON:
// a key that says so, or a pair, or very many levels. It takes far less time than to write data anew.
func (x *redactor) mayBeIn(data []byte) bool {
	opened, values := 0, false
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			opened++
		case '"':
			end := i + 1
			for end < len(data) && data[end] != '"' {
				if data[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(data) {
				return false // nothing that could be written
			}
			quoted := data[i : end+1]
			i = end
			for end++; end < len(data) && (data[end] == ' ' || data[end] == '\t' || data[end] == '\n' || data[end] == '\r'); {
				end++
			}
			if end == len(data) || data[end] != ':' {
				continue
			}
			if x.keys.ofJSON(quoted) != shown {
				return true
			}
			values = values || isPairValue(string(quoted[1:len(quoted)-1]))
		}
	}
	return values || opened > maxRedactDepth && nesting(data) > maxRedactDepth
}

// nesting returns how deep the arrays and objects in data are nested.
func nesting(data []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}
