package loadtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// keep says what of an answer somebody looks at later.
type keep int

const (
	keepHeader keep = 1 << iota
	keepBody
)

// answer is what came back for a request. Header and body are there only if the
// request keeps them, and until the next exchange.
type answer struct {
	status int
	size   int64  // of the body, in bytes
	header []byte // lines "Name: value", each with its \n
	body   []byte // its first maxKept bytes
}

// values are those of every header of that name.
func (a answer) values(name string) (all []string) {
	for line := range bytes.Lines(a.header) {
		n, v, ok := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(":"))
		if ok && bytes.EqualFold(n, []byte(name)) {
			all = append(all, string(bytes.TrimSpace(v)))
		}
	}
	return all
}

// carrier carries one request at a time to one endpoint. Only cut may be called from
// another goroutine.
type carrier interface {
	// open connects ahead of need; a failure is the next exchange's to report.
	open(ctx context.Context, deadline time.Time) error
	// exchange sends wire, the bytes of req, at now, and reads the answer to its last
	// byte. Done is when it was over, however it ended.
	exchange(ctx context.Context, req *request, wire []byte, now time.Time) (a answer, done time.Time, err error)
	close()
	// cut ends what is under way and all that would come later.
	cut()
}

// classify names what went wrong; the empty class is a success.
func classify(status int, err error) Class {
	switch {
	case err == nil && status >= 500:
		return ClassServer
	case err == nil && status >= 400:
		return ClassClient
	case err == nil:
		return ""
	}
	return classOf(err)
}

func classOf(err error) Class {
	var dns *net.DNSError
	var slow net.Error
	switch {
	case errors.Is(err, errUnexpected):
		return ClassExpect
	case errors.Is(err, errProtocol):
		return ClassProtocol
	case errors.Is(err, errTLS):
		return ClassTLS
	case errors.As(err, &dns), errors.Is(err, ErrRefused):
		return ClassDNS
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return ClassTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return ClassRefused
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.ENOBUFS):
		return ClassLocal
	case errors.As(err, &slow) && slow.Timeout():
		return ClassTimeout
	}
	return ClassReset
}

// sampleText is one line that shows an error to a person.
func sampleText(req *request, status int, err error) string {
	text := fmt.Sprintf("%s: status %d", req.name, status)
	if err != nil {
		text = fmt.Sprintf("%s: %v", req.name, err)
	}
	return text[:min(len(text), 300)]
}
