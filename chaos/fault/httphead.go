package fault

import (
	"bytes"
	"errors"
	"strconv"
)

// head is the beginning of a message of HTTP/1, as it came, up to its empty line. Its
// parts point into the buffer of the stream, and are good until that reads again.
type head struct {
	raw     []byte
	method  []byte // of a request
	path    []byte // of a request, as it was sent: without query, not decoded
	status  int    // of a response
	old     bool   // HTTP/1.0
	length  int64  // of the body, -1 where it is not said
	chunked bool
	closes  bool // Connection: close
	expects bool // Expect: 100-continue
	upgrade bool // Upgrade: it may turn into another protocol
}

// errNotHTTP is of what is not HTTP/1, or is so in a way that two programs could
// understand differently. It passes as it is: who guesses where a message ends lets one
// client read what is another's (RFC 9112, section 11.2).
var errNotHTTP = errors.New("not HTTP/1 as it should be")

// longestHead is the most that is kept to be looked at. A longer one passes.
const longestHead = 64 << 10

// endOfHead is the length of the head at the beginning of b, or 0 if its end is not
// there yet. A head whose lines do not end with CR LF is not HTTP/1 as it should be.
func endOfHead(b []byte) (int, error) {
	if at := bytes.Index(b, []byte("\n\n")); at >= 0 {
		return 0, errNotHTTP
	}
	if at := bytes.Index(b, []byte("\r\n\r\n")); at >= 0 {
		return at + 4, nil
	}
	if len(b) >= longestHead {
		return 0, errNotHTTP
	}
	return 0, nil
}

// couldBeRequest says whether b may still become a request: of another protocol one
// waits in vain for the end of a head, and its client for an answer.
func couldBeRequest(b []byte) bool {
	line, _, whole := bytes.Cut(b, []byte("\r\n"))
	method, rest, spaced := bytes.Cut(line, []byte(" "))
	if len(method) == 0 && (spaced || whole) || len(method) > 32 || bytes.ContainsFunc(method, notToken) {
		return false
	}
	if !whole {
		return !bytes.ContainsRune(bytes.TrimSuffix(line, []byte("\r")), '\n')
	}
	target, version, _ := bytes.Cut(rest, []byte(" "))
	return len(target) > 0 && (string(version) == "HTTP/1.1" || string(version) == "HTTP/1.0")
}

// notToken are the characters that no name of HTTP has (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	switch r {
	case '"', '(', ')', ',', '/', ':', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}':
		return true
	}
	return r <= ' ' || r >= 0x7f
}

// parseRequest reads a whole head.
func parseRequest(raw []byte) (h head, err error) {
	if !couldBeRequest(raw) {
		return h, errNotHTTP
	}
	line, fields, _ := bytes.Cut(raw, []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(rest, []byte(" "))
	h = head{raw: raw, method: method, path: requestPath(target), old: string(version) == "HTTP/1.0"}
	if err := h.parse(fields); err != nil {
		return h, err
	}
	if h.length < 0 && !h.chunked {
		h.length = 0
	}
	return h, nil
}

// requestPath takes the path from the target of a request, which may be a whole URL.
func requestPath(target []byte) []byte {
	if target[0] != '/' {
		if _, rest, ok := bytes.Cut(target, []byte("://")); ok {
			_, path, _ := bytes.Cut(rest, []byte("/"))
			target = append([]byte("/"), path...)
		}
	}
	path, _, _ := bytes.Cut(target, []byte("?"))
	return path
}

// parseResponse reads a whole head.
func parseResponse(raw []byte) (h head, err error) {
	line, fields, _ := bytes.Cut(raw, []byte("\r\n"))
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	h = head{raw: raw, old: string(version) == "HTTP/1.0"}
	if !h.old && string(version) != "HTTP/1.1" || len(code) != 3 {
		return h, errNotHTTP
	}
	if h.status, err = strconv.Atoi(string(code)); err != nil || h.status < 100 {
		return h, errNotHTTP
	}
	return h, h.parse(fields)
}

// parse reads the fields, those that say where the message ends above all.
func (h *head) parse(fields []byte) error {
	h.length = -1
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsFunc(name, notToken) || bytes.ContainsAny(value, "\r\n\x00") {
			return errNotHTTP // a line that is continued among them
		}
		if err := h.field(name, bytes.Trim(value, " \t")); err != nil {
			return err
		}
	}
	if h.chunked && h.length >= 0 {
		return errNotHTTP
	}
	return nil
}

// field is one field's meaning. The length of the name tells most apart.
func (h *head) field(name, value []byte) error {
	switch len(name) {
	case len("Content-Length"):
		if !bytes.EqualFold(name, []byte("Content-Length")) {
			return nil
		}
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || h.length >= 0 {
			return errNotHTTP
		}
		h.length = int64(n)
	case len("Transfer-Encoding"):
		if !bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return nil
		}
		if h.chunked || h.old || !bytes.EqualFold(value, []byte("chunked")) {
			return errNotHTTP
		}
		h.chunked = true
	case len("Connection"):
		if bytes.EqualFold(name, []byte("Connection")) && bytes.Contains(bytes.ToLower(value), []byte("close")) {
			h.closes = true
		}
	case len("Expect"):
		h.expects = h.expects || bytes.EqualFold(name, []byte("Expect"))
	case len("Upgrade"):
		h.upgrade = h.upgrade || bytes.EqualFold(name, []byte("Upgrade"))
	}
	return nil
}

// has says whether a field of that name has that value.
func (h *head) has(name, value string) bool {
	_, fields, _ := bytes.Cut(h.raw, []byte("\r\n"))
	for line := range bytes.SplitSeq(fields, []byte("\r\n")) {
		n, v, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(n, []byte(name)) && string(bytes.Trim(v, " \t")) == value {
			return true
		}
	}
	return false
}
