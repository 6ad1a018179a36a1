package fault

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestBodyEnds: the end of a body is where it is, however the bytes come in.
func TestBodyEnds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var text bytes.Buffer
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 40), 0, 5).Draw(r, "chunks") {
			fmt.Fprintf(&text, "%X;x=y\r\n%s\r\n", n, strings.Repeat("\r", n))
		}
		text.WriteString("00\r\nA: b\r\n\r\n")
		whole, b := text.Len(), body{chunked: true}
		text.WriteString("GET / HTTP/1.1\r\n")
		all, at := text.Bytes(), 0
		for over := false; !over; {
			n, done, err := b.take(all[at:min(len(all), at+rapid.IntRange(1, 50).Draw(r, "piece"))])
			require.NoError(t, err)
			at, over = at+n, done
		}
		require.Equal(t, whole, at)
	})
	for _, bad := range []string{"\r\n", "g\r\n", ";\r\n", "1\n", "1\r\nab", "1\r\na\rb", "fffffffffffffffff\r\n", "0\r\n\n"} {
		b := body{chunked: true}
		_, _, err := b.take([]byte(bad))
		require.ErrorIs(t, err, errNotHTTP, "%q", bad)
	}
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("GET http://a/b?c HTTP/1.1\r\nContent-Length: 1\r\nX: y\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		couldBeResponse(raw)
		n, err := endOfHead(raw)
		if err != nil || n == 0 {
			couldBeRequest(raw)
			return
		}
		if h, err := parseRequest(raw[:n]); err == nil {
			match{Path: "/", Header: "X", Value: "y"}.draws(&h)
			require.GreaterOrEqual(t, h.length, int64(-1))
			require.False(t, h.chunked && h.length > 0)
		}
		_, _ = parseResponse(raw[:n])
	})
}
