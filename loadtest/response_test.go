package loadtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func read(src io.Reader, head bool) (response, error) { return newResponseReader(src).read(head) }

func TestResponses(t *testing.T) {
	for src, want := range map[string]response{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":                                                             {200, 5, false},
		"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n":                                                                     {200, 0, false},
		"HTTP/1.1 204 No Content\r\n\r\n":                                                                               {204, 0, false},
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n":                                                        {304, 0, false},
		"HTTP/1.1 200 OK\nContent-Length: 2\n\nok":                                                                      {200, 2, false},
		"HTTP/1.1 200 OK\r\ncontent-LENGTH:  2 \r\nContent-Length: 2\r\n\r\nok":                                         {200, 2, false},
		"HTTP/1.1 503 X\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nok":                                         {503, 2, true},
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok":                                                                {200, 2, true},
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok":                                      {200, 2, false},
		"HTTP/1.1 200 OK\r\n\r\nuntil the end":                                                                          {200, 13, true},
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\nA;x=y\r\n0123456789\r\n0\r\nT: r\r\n\r\n":    {200, 14, false},
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n1\r\na\r\n0\r\n\r\n":                 {200, 1, true},
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n": {404, 0, false},
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 unasked":                                            {200, 2, true},
	} {
		got, err := read(strings.NewReader(src), false)
		require.NoError(t, err, src)
		require.Equal(t, want, got, src)
	}
	got, err := read(strings.NewReader("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), true)
	require.NoError(t, err)
	require.Equal(t, response{200, 0, false}, got, "HEAD")
}

func TestGarbageIsNoResponse(t *testing.T) {
	endless := func(s string) string { return strings.Repeat(s, 1+maxHeader/len(s)) }
	for _, src := range []string{
		"SSH-2.0-OpenSSH_9.2\r\n", "<html>\n", "\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2xx OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", strings.Repeat("HTTP/1.1 100 C\r\n\r\n", 20),
		"HTTP/1.1 200 OK\r\n" + endless("A: b\r\n"), "HTTP/1.1 200 " + endless("x"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + endless("T: r\r\n"),
	} {
		_, err := read(strings.NewReader(src), false)
		require.ErrorIs(t, err, errProtocol, "%.60q", src)
		require.Equal(t, ClassProtocol, classify(0, err))
		require.Less(t, len(err.Error()), 200)
	}
}

func TestAnEndInTheMiddleIsNotAnEndBefore(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n0\r\n\r\n"
	for cut := range len(whole) {
		_, err := read(strings.NewReader(whole[:cut]), false)
		if cut == 0 {
			require.Equal(t, io.EOF, err)
		} else {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut at %d", cut)
		}
	}
}

// However the bytes come, the answer is the same; what is read is bounded by
// what was sent; and where net/http accepts a response too, it sees the same.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 C\r\n\r\nHTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nx", "HTTP/1.1 204 N\r\n\r\n", "garbage",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, src []byte, head bool) {
		whole, err := read(bytes.NewReader(src), head)
		slow, slowErr := read(iotest.OneByteReader(bytes.NewReader(src)), head)
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(slowErr))
		whole.close, slow.close = false, false // of bytes behind the response only the first reader knows
		require.Equal(t, whole, slow)
		require.LessOrEqual(t, whole.body, int64(len(src)))
		if err != nil {
			return
		}
		method := "GET"
		if head {
			method = "HEAD"
		}
		in := bufio.NewReader(bytes.NewReader(src))
		for {
			theirs, err := http.ReadResponse(in, &http.Request{Method: method})
			if err != nil {
				return
			}
			n, err := io.Copy(io.Discard, theirs.Body)
			if err != nil {
				return
			}
			if theirs.StatusCode < 200 {
				continue
			}
			require.Equal(t, theirs.StatusCode, whole.status)
			require.Equal(t, n, whole.body)
			return
		}
	})
}
