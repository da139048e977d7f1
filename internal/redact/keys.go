package redact

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// defaultKeys are the names whose values are expected to be secrets. Those that end with another one are here for
// keys that are written in one word: clientsecret.
var defaultKeys = []string{
	"authorization", "cookie", "cookies", "set cookie", "cred", "creds", "credential", "credentials",
	"password", "passwords", "passwd", "passw", "passphrase", "passcode", "pwd", "pw", "pg password",
	"db password", "user password", "old password", "new password", "current password",
	"secret", "secrets", "client secret", "app secret", "shared secret", "webhook secret",
	"token", "access token", "refresh token", "id token", "auth token", "api token", "session token", "bearer token",
	"csrf token", "xsrf token", "csrf", "xsrf", "jwt", "bearer", "device code", "code verifier", "client assertion",
	"api key", "api keys", "access key", "access keys", "secret key", "secret keys", "private key", "private keys",
	"account key", "app key", "application key", "consumer key", "consumer secret", "deploy key", "encryption key", "hmac key", "license key",
	"master key", "service key", "session key", "shared key", "signing key", "ssh key", "storage key",
	"session id", "sess id", "php sess id", "j session id", "sid", "symfony", "salt",
	"connection string", "conn string", "conn str", "dsn", "sas url", "sas uri",
	"database url", "database uri", "db url", "db uri", "postgres url", "postgresql url", "mysql url", "mongo url", "mongo uri",
	"mongodb url", "mongodb uri", "redis url", "amqp url", "broker url",
	"otp", "totp", "one time password", "verification code", "recovery code", "backup code", "sig",
	"card number", "card no", "card num", "credit card", "credit card number", "debit card", "cc number", "pan", "primary account number",
	"cvv", "cvc", "csc", "card code", "security code", "pin", "iban", "ssn", "social security number",
}

// defaultStringKeys are names whose values may be secrets, but often are something else: auth=true, tokens=512. Only
// strings are replaced there.
var defaultStringKeys = []string{
	"auth", "session", "pass", "certificate", "signature", "crypt",
	"access tokens", "refresh tokens", "auth tokens", "api tokens", "session tokens", "bearer tokens", "id tokens",
}

// defaultWholeKeys are like defaultStringKeys, but only if the key has no other words: max_tokens is a number even as
// a string.
var defaultWholeKeys = []string{"tokens"}

// Hiding is how a key's name affects the value under it.
type Hiding uint8

const (
	Shown        Hiding = iota
	hidesStrings        // strings in the value are replaced
	hidesAll            // the value is replaced
)

// measures are last words of keys that contain a secret's name but hold something else: token_count is a number of
// tokens.
var measures = map[string]bool{
	"age": true, "at": true, "count": true, "duration": true, "enabled": true, "expiration": true, "expires": true, "expiry": true, "len": true, "length": true,
	"limit": true, "method": true, "provider": true, "rate": true, "size": true, "status": true, "ttl": true, "type": true, "version": true,
}

// A keyNames determines which keys contain one of some names. It is immutable except for its cache.
//
// The words of a key begin and end at any character that is not a letter or digit, between letters and digits, and
// where the case changes, except after a capital: X-Api-Key, api_key, apiKey and APIKey are (x) api key. A key
// contains a name if the letters and digits of the name, in any case, are those of one or more of its words. apikey
// and api_key both contain "api key". Neither passwordless nor tokens_used contains one of the defaults. The name
// does not count if the key continues after it and its last word is one of measures.
type keyNames struct {
	names    [256][]keyName    // by a hash of the first two bytes
	min      int               // the length of the shortest
	reserved func(string) bool // keys that are not plain either; nil if there are none
	recent   [512]atomic.Pointer[keyVerdict]

	plain [9][1 << (64 - plainKeyShift)]atomic.Uint64 // those known to be plain, by their length
}

const (
	plainKeyHash  = 0x9e3779b97f4a7c15 // 2⁶⁴ divided by the golden ratio: the upper bits of a product with it depend on all bits
	plainKeyShift = 64 - 8
)

// A keyVerdict is the cached result for a key. Programs have few keys, and look them up over and over. A key has two
// places. The first one in a place stays there, so many keys cost only time.
type keyVerdict struct {
	key   string
	hides Hiding
}

// A keyName is one of the names.
type keyName struct {
	text  string // in lower case, without separators
	hides Hiding
	whole bool // counts only for keys without other words
}

// Longer keys are not cached, and judging them allocates.
const maxUsualKey = 64

// newKeyNames returns the names of lists. The whole value under them is replaced.
func newKeyNames(lists ...[]string) *keyNames {
	k := &keyNames{min: 1 << 30}
	for _, list := range lists {
		k.add(list, keyName{hides: hidesAll})
	}
	return k
}

// add adds the names of list. Like has their other properties.
func (k *keyNames) add(list []string, like keyName) {
	for _, name := range list {
		w := splitWords(name, nil, nil)
		if len(w.text) == 0 {
			continue
		}
		like.text = string(w.text)
		if len(like.text) > 1 {
			slot := k.namesWith(like.text[0], like.text[1])
			*slot = append(*slot, like)
		} else { // any byte may follow
			for b := range 256 {
				slot := k.namesWith(like.text[0], byte(b))
				if !slices.Contains(*slot, like) {
					*slot = append(*slot, like)
				}
			}
		}
		k.min = min(k.min, len(like.text))
	}
}

// namesWith returns the names that begin with these bytes, and some others.
func (k *keyNames) namesWith(first, second byte) *[]keyName { return &k.names[first*37^second] }

// isPlain reports whether key is known to be neither empty nor reserved and to contain none of the names. It needs
// one lookup instead of two, and is all that most attributes cost. It knows keys of up to 8 bytes.
func (k *keyNames) isPlain(key string) bool {
	if len(key) == 0 || len(key) >= 4 {
		return k.isPlainWord(key)
	}
	x := shortKeyNumber(key)
	return k.plain[len(key)][x*plainKeyHash>>plainKeyShift].Load() == x && x != 0
}

// isPlainWord is isPlain for keys of 4 to 8 bytes. It returns false for others, and is inlined.
func (k *keyNames) isPlainWord(key string) bool {
	n := len(key)
	if n < 4 || n > 8 {
		return false
	}
	x := uint64(jsontext.Load4(key)) | uint64(jsontext.Load4(key[n-4:]))<<32
	return k.plain[n][x*plainKeyHash>>plainKeyShift].Load() == x && x != 0
}

// setPlain records that key contains none of the names, if there is a place for it, and reports that. The first key
// in a place stays there. Zero is no key's number.
func (k *keyNames) setPlain(key string) bool {
	n := len(key)
	if n == 0 || n > 8 || strings.IndexByte(key, '\\') >= 0 { // an escape, in JSON: see ofJSON
		return false
	}
	var x uint64
	if n < 4 {
		x = shortKeyNumber(key)
	} else {
		x = uint64(jsontext.Load4(key)) | uint64(jsontext.Load4(key[n-4:]))<<32
	}
	place := &k.plain[n][x*plainKeyHash>>plainKeyShift]
	if place.Load() != 0 || k.reserved != nil && k.reserved(strings.Clone(key)) { // the clone lets callers have key on their stack
		return false
	}
	return place.CompareAndSwap(0, x)
}

// shortKeyNumber returns a number that differs for each key of the same length, which is from 1 to 3.
func shortKeyNumber(key string) uint64 {
	return uint64(key[0]) | uint64(key[len(key)/2])<<8 | uint64(key[len(key)-1])<<16
}

// isPlainNumber is isPlain for a key of 1 to 8 bytes, which are the first n of word.
func (k *keyNames) isPlainNumber(word uint64, n uint) bool {
	var x uint64
	if n < 4 {
		x = word&0xff | word>>(n/2*8)&0xff<<8 | word>>(n*8-8)&0xff<<16
	} else {
		x = word&0xffffffff | word>>(n*8-32)<<32
	}
	return k.plain[n][x*plainKeyHash>>plainKeyShift].Load() == x && x != 0
}

// has reports whether key, of an attribute, contains one of the names.
func (k *keyNames) has(key string) bool { return !k.isPlain(key) && k.remembers(key) != Shown }

// of returns the Hiding of the value of key, which is the key of an attribute or a member.
func (k *keyNames) of(key string) Hiding {
	if k.isPlain(key) {
		return Shown
	}
	return k.remembers(key)
}

// ofJSON is of for a key that is a JSON string. It does not allocate for usual keys.
func (k *keyNames) ofJSON(quoted []byte) Hiding {
	raw := quoted[1 : len(quoted)-1]
	if n := len(raw); 0 < n && n <= 8 { // most are plain: this is isPlain, without a copy
		var x uint64
		if n < 4 {
			x = uint64(raw[0]) | uint64(raw[n/2])<<8 | uint64(raw[n-1])<<16
		} else {
			x = uint64(binary.LittleEndian.Uint32(raw)) | uint64(binary.LittleEndian.Uint32(raw[n-4:]))<<32
		}
		if k.plain[n][x*plainKeyHash>>plainKeyShift].Load() == x && x != 0 {
			return Shown
		}
	}
	if bytes.IndexByte(raw, '\\') >= 0 {
		return k.of(jsontext.Unquote(quoted))
	}
	if n := len(raw); n >= 8 {
		for i := range keyPlaces {
			if v := k.place(uint(n), binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint64(raw[n-8:]), i).Load(); v != nil && v.key == string(raw) {
				return v.hides
			}
		}
	}
	if len(raw) < 4 {
		return k.of(string(raw))
	}
	return k.remembers(string(raw))
}

// keyPlaces is how many places in the cache a key has.
const keyPlaces = 2

// place returns a place in the cache of a key with these bytes, which are up to 8 at its start and at its end.
func (k *keyNames) place(n uint, first, last uint64, i int) *atomic.Pointer[keyVerdict] {
	h := (first ^ bits.RotateLeft64(last, 29) ^ uint64(n)) * plainKeyHash
	return &k.recent[(h>>(64-9)+uint64(i))%uint64(len(k.recent))]
}

// remembers is of for keys that are not plain.
func (k *keyNames) remembers(key string) Hiding {
	n := uint(len(key))
	if int(n) < k.min || n == 0 {
		k.setPlain(key)
		return Shown
	}
	var first, last uint64
	switch {
	case n >= 8:
		first, last = jsontext.Load8(key), jsontext.Load8(key[n-8:])
	case n >= 4:
		first, last = uint64(jsontext.Load4(key)), uint64(jsontext.Load4(key[n-4:]))
	default:
		first = shortKeyNumber(key)
	}
	var free *atomic.Pointer[keyVerdict]
	for i := range keyPlaces {
		place := k.place(n, first, last, i)
		switch v := place.Load(); {
		case v == nil && free == nil:
			free = place
		case v == nil:
		case v.key == key:
			return v.hides
		}
	}
	hides := k.judge(key)
	if hides == Shown && k.setPlain(key) {
		return Shown
	}
	if free != nil && n <= maxUsualKey {
		free.CompareAndSwap(nil, &keyVerdict{strings.Clone(key), hides})
	}
	return hides
}

// judge is of without the cache.
func (k *keyNames) judge(key string) (hides Hiding) {
	if len(key) < k.min {
		return Shown
	}
	var textMem [maxUsualKey]byte
	var edgesMem [maxUsualKey + 1]bool
	text, edges := textMem[:0], edgesMem[:0]
	if len(key) > maxUsualKey {
		text, edges = make([]byte, 0, len(key)), make([]bool, 0, len(key)+1)
	}
	w := splitWords(key, text, edges)
	for i := range w.text {
		if !w.edges[i] {
			continue
		}
		var second byte
		if i+1 < len(w.text) {
			second = w.text[i+1]
		}
		names := *k.namesWith(w.text[i], second)
		for j := range names {
			name := &names[j]
			end := i + len(name.text)
			if end > len(w.text) || !w.edges[end] || string(w.text[i:end]) != name.text || name.whole && end-i < len(w.text) || w.measured(end) {
				continue
			}
			if hides = max(hides, name.hides); hides == hidesAll {
				return hides
			}
		}
	}
	return hides
}

// is reports whether text is one of the names whose whole value is replaced.
func (k *keyNames) is(text string) bool {
	w := splitWords(text, nil, nil)
	if len(w.text) == 0 {
		return false
	}
	var second byte
	if len(w.text) > 1 {
		second = w.text[1]
	}
	return slices.ContainsFunc(*k.namesWith(w.text[0], second), func(n keyName) bool {
		return n.hides == hidesAll && n.text == string(w.text)
	})
}

// A words is a key split into words.
type words struct {
	text  []byte // its letters, in lower case, and digits
	edges []bool // at i: a word begins at text[i], or the last one ends there
}

type letterCase uint8

const (
	separator letterCase = iota
	lower
	upper
	capital // an upper-case letter without another one before it
	digit
)

// splitWords splits key, in the memory of text and edges.
func splitWords(key string, text []byte, edges []bool) words {
	w := words{text, edges}
	last := separator
	before := 0 // index of the last letter in text
	for i := 0; i < len(key); {
		r, size := rune(key[i]), 1
		var now letterCase
		if r < utf8.RuneSelf {
			now = asciiCases[r]
		} else {
			r, size = utf8.DecodeRuneInString(key[i:])
			now = caseOf(r)
		}
		i += size
		if now == separator {
			last = now
			continue
		}
		if now == upper && last != upper && last != capital {
			now = capital
		}
		edge := now != last
		switch {
		case last == capital && now == lower, last == capital && now == upper:
			edge = false
		case last == upper && now == lower:
			w.edges[before] = true // APIKey, but also IDs: a word may begin here or one letter before
		}
		last, before = now, len(w.text)
		w.edges = append(w.edges, edge)
		if r < utf8.RuneSelf {
			if now == upper || now == capital {
				r += 'a' - 'A'
			}
			w.text = append(w.text, byte(r))
			continue
		}
		w.text = appendFolded(w.text, r)
		for len(w.edges) < len(w.text) {
			w.edges = append(w.edges, false)
		}
	}
	w.edges = append(w.edges, true)
	return w
}

// asciiCases are the results of caseOf.
var asciiCases = func() (cases [utf8.RuneSelf]letterCase) {
	for r := range cases {
		cases[r] = caseOf(rune(r))
	}
	return cases
}()

func caseOf(r rune) letterCase {
	switch {
	case 'a' <= r && r <= 'z':
		return lower
	case 'A' <= r && r <= 'Z':
		return upper
	case '0' <= r && r <= '9':
		return digit
	case r < utf8.RuneSelf || r == utf8.RuneError:
		return separator
	case unicode.IsUpper(r):
		return upper
	case unicode.IsLetter(r), unicode.IsMark(r):
		return lower
	case unicode.IsNumber(r):
		return digit
	}
	return separator
}

// appendFolded appends r, which is not ASCII, in lower case.
func appendFolded(b []byte, r rune) []byte {
	return utf8.AppendRune(b, unicode.ToLower(unicode.ToUpper(r))) // through the upper case: that of ſ is S
}

// measured reports whether the key continues after end and its last word is one of measures.
func (w *words) measured(end int) bool {
	i := len(w.text) - 1
	for i > 0 && !w.edges[i] {
		i--
	}
	return i >= end && measures[string(w.text[i:])]
}
