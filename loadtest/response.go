package loadtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// The bounds of a response. What is longer is no answer but an attack on the
// reader; the body is not kept, so its bound is only against endless ones.
const (
	readBuffer    = 16 << 10 // also the longest header line
	maxHeader     = 64 << 10 // of one response, with informational ones and trailers
	maxInterim    = 16       // 1xx responses before the final one
	maxBodyLength = 1 << 30
)

// errProtocol is wrapped by errors about bytes that are no HTTP/1.x response.
var errProtocol = errors.New("not an HTTP/1.1 response")

// response is what the engine wants to know of one.
type response struct {
	status int
	body   int64 // bytes, after chunked decoding
	close  bool  // the connection cannot carry another request
}

// framing is how the body's end is found (RFC 9112, section 6.3).
type framing struct {
	length  int64 // -1: not said
	chunked bool
	close   bool
}

// responseReader reads HTTP/1.x responses from one connection through one
// buffer that it never grows; reading allocates nothing unless it fails.
type responseReader struct {
	src    io.Reader
	buf    []byte
	r, w   int
	got    int64 // bytes read from src since begin
	header int   // bytes of header left in this response's budget

	keep keep   // what of a response is kept, until the next is read
	head []byte // its header lines, and those of informational ones before it
	kept []byte // the beginning of its body
}

func newResponseReader(src io.Reader) *responseReader {
	return &responseReader{src: src, buf: make([]byte, readBuffer)}
}

// reset starts over on a new connection.
func (r *responseReader) reset(src io.Reader) { r.src, r.r, r.w, r.got = src, 0, 0, 0 }

// buffered is how many bytes have come that no response has claimed.
func (r *responseReader) buffered() int { return r.w - r.r }

// read consumes one final response, informational ones before it included.
// Head says that the request was HEAD, whose response has no body. An error
// before the first byte is the source's own (io.EOF, a timeout); an end in the
// middle is io.ErrUnexpectedEOF.
func (r *responseReader) read(head bool) (response, error) {
	r.got, r.header = int64(r.buffered()), maxHeader
	r.head, r.kept = r.head[:0], r.kept[:0]
	for range maxInterim {
		status, http10, err := r.statusLine()
		if err != nil {
			return response{}, err
		}
		f, err := r.headers(http10)
		if err != nil {
			return response{}, inTheMiddle(err)
		}
		if status == 101 {
			return response{}, fmt.Errorf("%w: it switches protocols unasked", errProtocol)
		}
		if status < 200 {
			continue
		}
		n, closes, err := r.body(f, head || status == 204 || status == 304)
		if err != nil {
			return response{}, inTheMiddle(err)
		}
		return response{status: status, body: n, close: closes || r.buffered() > 0}, nil
	}
	return response{}, fmt.Errorf("%w: more than %d informational responses", errProtocol, maxInterim)
}

func inTheMiddle(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// statusLine reads "HTTP/1.1 200 OK".
func (r *responseReader) statusLine() (status int, http10 bool, err error) {
	line, err := r.line()
	if err != nil {
		if r.got > 0 {
			err = inTheMiddle(err)
		}
		return 0, false, err
	}
	bad := len(line) < 12 || string(line[:7]) != "HTTP/1." || line[8] != ' ' || len(line) > 12 && line[12] != ' '
	if bad || line[7] != '0' && line[7] != '1' {
		return 0, false, fmt.Errorf("%w: it begins with %.40q", errProtocol, line)
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return 0, false, fmt.Errorf("%w: status %.3q", errProtocol, line[9:12])
		}
		status = status*10 + int(c-'0')
	}
	if status < 100 {
		return 0, false, fmt.Errorf("%w: status %03d", errProtocol, status)
	}
	return status, line[7] == '0', nil
}

// headers reads up to the empty line and keeps what frames the body.
func (r *responseReader) headers(http10 bool) (framing, error) {
	f := framing{length: -1, close: http10}
	for {
		line, err := r.line()
		if err != nil {
			return f, err
		}
		if len(line) == 0 {
			break
		}
		if r.keep&keepHeader != 0 {
			r.head = append(append(r.head, line...), '\n')
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || bytes.ContainsAny(line[:colon], " \t") {
			return f, fmt.Errorf("%w: header line %.40q", errProtocol, line)
		}
		if err := f.apply(line[:colon], bytes.Trim(line[colon+1:], " \t"), http10); err != nil {
			return f, err
		}
	}
	if f.chunked && f.length >= 0 {
		// Both: chunked decides and the connection ends (RFC 9112, 6.3, item 3).
		f.length, f.close = -1, true
	}
	return f, nil
}

func (f *framing) apply(name, value []byte, http10 bool) error {
	switch {
	case len(name) == 14 && bytes.EqualFold(name, []byte("content-length")):
		n, ok := parseDigits(value)
		if !ok || f.length >= 0 && f.length != n {
			return fmt.Errorf("%w: Content-Length %.40q", errProtocol, value)
		}
		f.length = n
	case len(name) == 17 && bytes.EqualFold(name, []byte("transfer-encoding")):
		if http10 || f.chunked || !bytes.EqualFold(value, []byte("chunked")) {
			return fmt.Errorf("%w: Transfer-Encoding %.40q", errProtocol, value)
		}
		f.chunked = true
	case len(name) == 10 && bytes.EqualFold(name, []byte("connection")):
		for rest := value; len(rest) > 0; {
			var token []byte
			token, rest, _ = bytes.Cut(rest, []byte(","))
			token = bytes.Trim(token, " \t")
			if bytes.EqualFold(token, []byte("close")) {
				f.close = true
			} else if http10 && bytes.EqualFold(token, []byte("keep-alive")) {
				f.close = false
			}
		}
	}
	return nil
}

// body discards the body and returns its length and whether the connection is
// used up.
func (r *responseReader) body(f framing, none bool) (n int64, closes bool, err error) {
	switch {
	case none:
		return 0, f.close, nil
	case f.chunked:
		n, err = r.chunks()
		return n, f.close, err
	case f.length >= 0:
		if f.length > maxBodyLength {
			return 0, true, errTooLong()
		}
		return f.length, f.close, r.discard(f.length)
	}
	for { // until the connection ends
		n += int64(r.buffered())
		r.hold(r.buffered())
		r.r, r.w = 0, 0
		if n > maxBodyLength {
			return n, true, errTooLong()
		}
		if err := r.fill(); err == io.EOF {
			return n, true, nil
		} else if err != nil {
			return n, true, err
		}
	}
}

func (r *responseReader) chunks() (n int64, err error) {
	budget := r.header // for the trailers; the chunks' own lines are free
	for {
		r.header = budget
		line, err := r.line()
		if err != nil {
			return n, err
		}
		size, ok := parseChunkSize(line)
		if !ok {
			return n, fmt.Errorf("%w: chunk size %.40q", errProtocol, line)
		}
		if size == 0 {
			break
		}
		if n += size; n > maxBodyLength {
			return n, errTooLong()
		}
		if err := r.discard(size); err != nil {
			return n, err
		}
		if end, err := r.line(); err != nil {
			return n, err
		} else if len(end) != 0 {
			return n, fmt.Errorf("%w: a chunk goes on after its size", errProtocol)
		}
	}
	for { // trailers
		line, err := r.line()
		if err != nil || len(line) == 0 {
			return n, err
		}
	}
}

// hold keeps the next n buffered bytes of a body, if somebody looks at it.
func (r *responseReader) hold(n int) {
	if r.keep&keepBody != 0 {
		n = min(n, maxKept-len(r.kept))
		r.kept = append(r.kept, r.buf[r.r:r.r+n]...)
	}
}

// discard skips n bytes.
func (r *responseReader) discard(n int64) error {
	for {
		have := min(int64(r.buffered()), n)
		r.hold(int(have))
		r.r += int(have)
		if n -= have; n == 0 {
			return nil
		}
		r.r, r.w = 0, 0
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// line returns the next line without its end; it is valid until the next read.
func (r *responseReader) line() ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(r.buf[r.r+seen:r.w], '\n'); i >= 0 {
			line := r.buf[r.r : r.r+seen+i]
			r.r += seen + i + 1
			if r.header -= len(line) + 1; r.header < 0 {
				return nil, fmt.Errorf("%w: more than %d bytes of header", errProtocol, maxHeader)
			}
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		if seen = r.buffered(); seen == len(r.buf) {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", errProtocol, len(r.buf))
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once, at least one byte or an error.
func (r *responseReader) fill() error {
	if r.w == len(r.buf) {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.w:])
		r.w += n
		r.got += int64(n)
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func errTooLong() error {
	return fmt.Errorf("%w: a body of more than %d bytes", errProtocol, maxBodyLength)
}

func parseDigits(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// parseChunkSize reads "1a;name=value"; extensions are ignored.
func parseChunkSize(line []byte) (int64, bool) {
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t")
	var n int64
	for _, c := range line {
		var d byte
		switch {
		case c >= '0' && c <= '9':
			d = c - '0'
		case (c|0x20) >= 'a' && (c|0x20) <= 'f':
			d = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		if n > math.MaxInt64>>5 {
			return 0, false
		}
		n = n<<4 | int64(d)
	}
	return n, len(line) > 0
}
