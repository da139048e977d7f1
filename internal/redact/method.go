package redact

import (
	"net/url"
	"reflect"
	"strings"
)

// This file determines which methods of values encoding/json and package fmt call.

// marshalerOf returns v, or a pointer to it, if encoding/json writes it by a method. Otherwise it returns nil.
func marshalerOf(v reflect.Value, info *typeInfo) any {
	if !info.marshals && !info.texts || !v.CanInterface() {
		return nil
	}
	if m := info.jsonMethod.of(v); m != nil {
		return m
	}
	if m := info.streamMethod.of(v); m != nil {
		return m
	}
	if m := info.textMethod.of(v); m != nil {
		return m
	}
	return info.appendMethod.of(v)
}

// A methodOwner tells which values have the methods of an interface.
type methodOwner uint8

const (
	nobody    methodOwner = iota
	byPointer             // only a pointer to a value has them
	byValue
)

// of returns v, or a pointer to it, as a value that has the methods, as encoding/json does. Otherwise it returns nil.
func (o methodOwner) of(v reflect.Value) any {
	switch {
	case o == nobody:
		return nil
	case v.CanAddr() && v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface: // nothing is copied
		return v.Addr().Interface()
	case o == byValue:
		return v.Interface()
	}
	return nil
}

// ownerOf returns the owner of the methods of iface in t.
func ownerOf(t, iface reflect.Type) methodOwner {
	switch {
	case t.Implements(iface):
		return byValue
	case reflect.PointerTo(t).Implements(iface):
		return byPointer
	}
	return nobody
}

// methodsOf returns v, or a pointer to it, as a value that has the methods of iface, as encoding/json does. Otherwise
// it returns nil.
func methodsOf(v reflect.Value, iface reflect.Type) any {
	switch {
	case v.Type().Implements(iface):
		return v.Interface()
	case v.CanAddr() && reflect.PointerTo(v.Type()).Implements(iface):
		return v.Addr().Interface()
	}
	return nil
}

// url returns u without secrets, and whether it differs from u. It replaces the password, and parameters with named
// keys in the query and in a fragment such as OAuth's.
func (x *Redactor) url(u *url.URL) (_ *url.URL, changed bool) {
	if u == nil {
		return nil, false
	}
	clean := *u
	clean.User = x.userinfo(u.User)
	clean.RawQuery = x.query(u.RawQuery)
	clean.Fragment, clean.RawFragment = x.query(u.Fragment), x.query(u.RawFragment)
	clean.Opaque = x.pairs(u.Opaque)
	if strings.IndexByte(u.Path, '=') >= 0 { // of ;jsessionid=1
		clean.Path, clean.RawPath = x.path(u)
	}
	if clean == *u {
		return u, false
	}
	return &clean, true
}

// path returns the path of u, decoded and encoded, without the values of named parameters. A parameter ends with its
// segment (RFC 3986, 3.3). Only the encoded path shows where that is.
func (x *Redactor) path(u *url.URL) (path, raw string) {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		if segments[i] = x.pairs(s); segments[i] != s {
			continue
		}
		if decoded, err := url.PathUnescape(s); err == nil { // the equals sign may be encoded
			if clean := x.pairs(decoded); clean != decoded {
				segments[i] = url.PathEscape(clean)
			}
		}
	}
	raw = strings.Join(segments, "/")
	path, err := url.PathUnescape(raw)
	if err != nil { // because of the replacement
		return x.pairs(u.Path), x.pairs(u.RawPath)
	}
	if path == u.Path {
		return u.Path, u.RawPath
	}
	return path, raw
}

// userinfo returns u without its password.
func (x *Redactor) userinfo(u *url.Userinfo) *url.Userinfo {
	if password, ok := u.Password(); ok && password != "" && password != x.text && x.keys.judge("password") != Shown {
		return url.UserPassword(u.Username(), x.text)
	}
	return u
}

// query returns the query of a URL without the values of named parameters.
func (x *Redactor) query(query string) string {
	var b []byte
	done := 0
	for i := 0; i < len(query); {
		end := len(query)
		if n := strings.IndexAny(query[i:], "&;"); n >= 0 {
			end = i + n
		}
		key, value, _ := strings.Cut(query[i:end], "=")
		from := i + len(key) + 1
		if unescaped, err := url.QueryUnescape(key); err == nil {
			key = unescaped
		}
		h := x.keys.of(key)
		if value != "" && value != x.text && (h == hidesAll || h == hidesStrings && !isNumberText(value)) {
			b = append(append(b, query[done:from]...), x.text...)
			done = end
		}
		i = end + 1
	}
	if done == 0 {
		return query
	}
	return string(append(b, query[done:]...))
}
