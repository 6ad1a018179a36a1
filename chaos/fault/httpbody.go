package fault

// body finds the end of a body among the bytes that pass (RFC 9112, sections 6 and 7).
type body struct {
	left    int64 // of one whose length is known
	chunked bool
	endless bool // until its sender closes

	at    chunkPart
	size  int64 // of the chunk, as far as it is known, then what is left of it
	digit bool  // its size has one
	empty bool  // the line of the trailer has nothing in it yet
}

// chunkPart is where in a chunked body one is.
type chunkPart int

const (
	chunkSize chunkPart = iota
	chunkExtension
	chunkSizeEnd
	chunkData
	chunkDataEnd
	chunkDataEnd2
	chunkTrailer
	chunkTrailerEnd
)

// requestBody is the body that follows a request.
func requestBody(h head) body { return body{left: h.length, chunked: h.chunked} }

// responseBody is the body that follows a response to a request; bare says that the
// request was by HEAD.
func responseBody(h head, bare bool) body {
	switch {
	case bare || h.status/100 == 1 || h.status == 204 || h.status == 304:
		return body{}
	case h.chunked:
		return body{chunked: true}
	case h.length >= 0:
		return body{left: h.length}
	}
	return body{endless: true}
}

// none says that there is nothing to come.
func (b *body) none() bool { return !b.endless && !b.chunked && b.left == 0 }

// take says how many of the bytes are the body's, and whether it is over with them.
func (b *body) take(bytes []byte) (n int, over bool, err error) {
	switch {
	case b.endless:
		return len(bytes), false, nil
	case b.chunked:
		return b.chunks(bytes)
	}
	n = int(min(b.left, int64(len(bytes))))
	b.left -= int64(n)
	return n, b.left == 0, nil
}

// chunks goes through the chunks, which are all looked at once.
func (b *body) chunks(bytes []byte) (n int, over bool, err error) {
	for n < len(bytes) {
		if b.at == chunkData {
			skip := min(b.size, int64(len(bytes)-n))
			n, b.size = n+int(skip), b.size-skip
			if b.size == 0 {
				b.at = chunkDataEnd
			}
			continue
		}
		over, err = b.step(bytes[n])
		n++
		if over || err != nil {
			return n, over, err
		}
	}
	return n, false, nil
}

// largestChunk is more than anybody sends, and does not overflow.
const largestChunk = 1 << 56

// step is one byte outside the data.
func (b *body) step(c byte) (over bool, err error) {
	switch b.at {
	case chunkSize:
		return false, b.sizeStep(c)
	case chunkExtension:
		if c == '\r' {
			b.at = chunkSizeEnd
		} else if c == '\n' {
			return false, errNotHTTP
		}
	case chunkSizeEnd:
		if c != '\n' {
			return false, errNotHTTP
		}
		b.at, b.digit = chunkData, false
		if b.size == 0 {
			b.at, b.empty = chunkTrailer, true
		}
	case chunkDataEnd:
		if c != '\r' {
			return false, errNotHTTP
		}
		b.at = chunkDataEnd2
	case chunkDataEnd2:
		if c != '\n' {
			return false, errNotHTTP
		}
		b.at = chunkSize
	case chunkTrailer:
		switch {
		case c == '\r':
			b.at = chunkTrailerEnd
		case c == '\n':
			return false, errNotHTTP
		default:
			b.empty = false
		}
	case chunkTrailerEnd:
		if c != '\n' {
			return false, errNotHTTP
		}
		if b.empty {
			return true, nil
		}
		b.at, b.empty = chunkTrailer, true
	}
	return false, nil
}

func (b *body) sizeStep(c byte) error {
	digit := int64(-1)
	switch {
	case c >= '0' && c <= '9':
		digit = int64(c - '0')
	case c >= 'a' && c <= 'f':
		digit = int64(c-'a') + 10
	case c >= 'A' && c <= 'F':
		digit = int64(c-'A') + 10
	}
	switch {
	case digit >= 0 && b.size < largestChunk>>4:
		b.size, b.digit = b.size<<4+digit, true
	case !b.digit:
		return errNotHTTP
	case c == ';' || c == ' ' || c == '\t':
		b.at = chunkExtension
	case c == '\r':
		b.at = chunkSizeEnd
	default:
		return errNotHTTP
	}
	return nil
}
