package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/store"
)

// A process died with the ladder in its hand, and could not give it back: what is
// declared now is recorded, and the command says that nobody was paged.
func TestDeclaredAndNobodyWasPaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	db, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	_, err = db.Take(t.Context(), "eve@bastion 4711", time.Now(), time.Minute)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }() // it lives, and does nothing

	var out, said bytes.Buffer
	code := run([]string{"--db", path, "incident", "declare", "--severity", "SEV-1", "--title", "checkout fails"}, nil, &out, &said)
	require.Equal(t, exitInconclusive, code, said.String())
	require.Equal(t, "INC-1\n", out.String())
	require.Contains(t, said.String(), "INC-1 is recorded, and NOBODY was paged: eve@bastion 4711 holds the ladder and has not looked at it for 10s")
	require.Contains(t, said.String(), "call by phone, and start sitrep daemon")
}

// A store that fails everything says so once.
func TestProblemsAreSaidOnce(t *testing.T) {
	t.Parallel()
	var l problemList
	for _, text := range []string{
		"divert trigger to webhook:ops: store s.db: the disk is full", "trigger to pagerduty:primary: store s.db: the disk is full",
		"the ladder of INC-1: store s.db: the disk is full", "give the ladder back: no such file", "1", "2", "3", "4",
	} {
		l.add(errText(text))
	}
	require.Equal(t, []string{"divert trigger to webhook:ops: store s.db: the disk is full", "give the ladder back: no such file", "1", "2", "3"}, l.texts)
}

type errText string

func (e errText) Error() string { return string(e) }

// A foreign title makes no lines of its own.
func TestForeignTitleIsOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{stdout: &out}
	require.NoError(t, a.printDetails([]inboxDetail{{inboxView: inboxView{ID: "Q1\nQ2", Number: 7, Title: "checkout\nstatus        resolved\x1b[31m"}}}))
	require.True(t, strings.HasPrefix(out.String(), "Q1"))
	require.Len(t, strings.Split(strings.TrimRight(out.String(), "\n"), "\n"), 7, out.String())
}
