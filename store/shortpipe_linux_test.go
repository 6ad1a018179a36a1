package store_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// shorten makes a pipe hold little: who writes to it and is not read waits.
func shorten(t *testing.T, pipe *os.File) {
	_, err := unix.FcntlInt(pipe.Fd(), unix.F_SETPIPE_SZ, 4096)
	require.NoError(t, err)
}
