package fault

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUpstreamOf reads whatever a container keeps as its resolv.conf, and waits for none
// of it.
func TestUpstreamOf(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	for text, want := range map[string]string{
		"# mine\nsearch example.com\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n": "10.0.0.2:53",
		"nameserver fd00::1":                      "[fd00::1]:53",
		"nameserver nonsense\nnameserver 1.2.3.4": "1.2.3.4:53",
	} {
		got, err := upstreamIn(write("resolv.conf", text))
		require.NoError(t, err)
		require.Equal(t, want, got.String())
	}
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{write("empty", ""), write("huge", string(make([]byte, 1<<20))), pipe, dir, filepath.Join(dir, "none"), "/dev/zero"} {
		_, err := upstreamIn(path)
		require.ErrorContains(t, err, "refused R8 no-peer: who answers for other names is not known: ", path)
	}
}
