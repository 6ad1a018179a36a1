package main

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNoFileIsWrittenTo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	read := make(chan string)
	go func() {
		f, err := os.Open(pipe)
		if err == nil {
			text, _ := io.ReadAll(f)
			read <- string(text)
		}
		close(read)
	}()
	require.NoError(t, writeNew(pipe, []byte("through")))
	require.Equal(t, "through", <-read)
	info, err := os.Lstat(pipe)
	require.NoError(t, err)
	require.Equal(t, os.ModeNamedPipe, info.Mode().Type())

	require.ErrorIs(t, writeNew("/dev/full", []byte("x")), syscall.ENOSPC)
	info, err = os.Lstat("/dev/full")
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeCharDevice)
}

func TestALinkStaysALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, writeNew(link, []byte("new")))
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "new", string(got))
	to, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, file, to)
	require.ErrorContains(t, writeNew(dir, nil), "is a directory")
	left, err := filepath.Glob(filepath.Join(dir, ".sitrep-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
