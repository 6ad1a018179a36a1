package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a command that gives a secret may do, and what of it counts.
func TestSecretOfACommand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ command, want, refused string }{
		"a line":                 {"echo s3cret", "s3cret", ""},
		"without its end":        {"printf s3cret", "s3cret", ""},
		"below an empty one":     {"echo; echo s3cret", "s3cret", ""},
		"the first of several":   {"echo s3cret; echo user: ana", "s3cret", ""},
		"and a child stays":      {"echo s3cret; sleep 300 &", "s3cret", ""},
		"and it stays itself":    {"echo s3cret; sleep 300", "s3cret", ""},
		"nothing":                {"true", "", "it is empty"},
		"nothing, a child stays": {"sleep 300 &", "", "it is empty"},
		"one in another session": {"setsid sleep 5 &", "", "it is empty"},
		"it fails":               {"echo s3cret; exit 3", "", "the command failed: exit status 3"},
		"without an end":         {"yes s3cret", "", "more than 64 KiB"},
		"a line without an end":  {"tr '\\0' s </dev/zero", "", "more than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := secret("cmd:"+c.command).read(t.Context(), t.TempDir())
			require.Equal(t, c.want, got)
			if c.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.refused)
			require.NotContains(t, strings.ReplaceAll(err.Error(), c.command, ""), "s3cret")
		})
	}
}

// Whoever does not answer is killed with all that it started, and the error
// says so: when the ten seconds are over, or when nobody wants it any more.
func TestSecretThatHangs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patience time.Duration
		says     string
	}{
		"too long":     {time.Minute, "it gave no line within 10s, and was killed"},
		"not any more": {300 * time.Millisecond, "it was killed before it gave a line: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), c.patience)
			defer cancel()
			_, err := secret("cmd:sleep 300 & echo $! >child.pid; wait").read(ctx, dir)
			require.ErrorContains(t, err, c.says)
			goneFrom(t, filepath.Join(dir, "child.pid"))
		})
	}
}

// A child that kept the output open does not outlive the reading.
func TestSecretLeavesNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	got, err := secret("cmd:sleep 300 & echo $! >child.pid; echo s3cret").read(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, "s3cret", got)
	goneFrom(t, filepath.Join(dir, "child.pid"))
}

// A file that never ends is no secret, and a pipe that nobody writes to holds
// nothing up.
func TestSecretOfAFile(t *testing.T) {
	t.Parallel()
	_, err := secret("file:/dev/zero").read(t.Context(), "/")
	require.ErrorContains(t, err, "secret file:/dev/zero: it has more than 64 KiB")
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err = secret("file:"+pipe).read(t.Context(), "/")
	require.ErrorContains(t, err, "it is empty")
}

// goneFrom waits until the process whose ID stands in file is not there.
func goneFrom(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ") // dead, its new parent has not looked yet
	}, time.Minute, 10*time.Millisecond)
}
