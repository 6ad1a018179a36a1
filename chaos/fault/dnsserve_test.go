package fault

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// TestQueriesOfAnyKind: what a name server may have an answer to is passed on where names are
// chosen, and fails like all others where they are not.
func TestQueriesOfAnyKind(t *testing.T) {
	head := []byte{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	dotted := append(head[:12:12], 3, 'a', '.', 'b', 3, 'o', 'r', 'g', 0, 0, 1, 0, 1)
	chosen, all := &responder{Suffixes: []string{"example.com"}}, &responder{}
	for _, message := range [][]byte{dotted, head} {
		q := read(message)
		require.False(t, q.none)
		require.Nil(t, q.question)
		require.False(t, chosen.fails(q))
		require.True(t, all.fails(q))
		var p dnsmessage.Parser
		said, err := p.Start(q.failure("refused"))
		require.NoError(t, err)
		require.Equal(t, dnsmessage.Header{ID: 7, Response: true, RecursionDesired: true, RecursionAvailable: true, RCode: dnsmessage.RCodeRefused}, said)
	}
	for _, message := range [][]byte{nil, {0}, {0, 7, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
		q := read(message)
		require.True(t, q.none, "it asks nothing")
		require.False(t, all.fails(q))
		require.Nil(t, all.answer("udp", q))
	}
}
