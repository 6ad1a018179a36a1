package chaos

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// abandoned is a directory with the journal of a run that was killed while f-1 and
// f-2 held, and its world.
func abandoned(t *testing.T) (r *rig, path string) {
	r = &rig{t: t, began: time.Now(), dir: t.TempDir(), there: map[string]bool{"f-1": true, "f-2": true}}
	j, err := createJournal(r.dir, Opened{Run: "CH-1", ID: "RUN", Experiment: "test", Targets: []string{"pay-1", "pay-2"}}, three)
	require.NoError(t, err)
	for _, id := range []string{"f-1", "f-2"} {
		intent := &Intent{Kind: "http.latency", Target: id, Undo: []Op{HTTPDelete("http://127.0.0.1:1/faults", id)}, Gone: HTTPAbsent("http://127.0.0.1:1/faults", id)}
		require.NoError(t, j.Append(Record{Rec: recIntent, At: three, Entry: id, Intent: intent}))
		require.NoError(t, j.appendNow(recInjected, id, "there"))
	}
	require.NoError(t, j.close())
	return r, j.path
}

// change rewrites a file.
func change(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, how(b), 0o600))
}

// over writes text over the place where mark is in the file.
func over(t *testing.T, path, mark, text string) {
	t.Helper()
	change(t, path, func(b []byte) []byte {
		i := bytes.Index(b, []byte(mark))
		require.Positive(t, i, "%s is not in %s", mark, b)
		copy(b[i:], text)
		return b
	})
}

// TestDamagedJournals are those that no crash leaves behind. Whatever can be read
// is undone, and then they are not said to be proof of anything: recovery fails and
// says where to look, no run starts, and the file stays as it is.
func TestDamagedJournals(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, path string)
		says   string
		run    string
		undone []string
		left   map[string]bool
	}{
		"an intent, so that it is no JSON": {
			func(t *testing.T, path string) { over(t, path, `c":"intent"`, "\x00\xff{}\x1b\n") }, "line 4 cannot be read", "CH-1",
			[]string{"http.latency on f-2"},
			map[string]bool{"f-1": true},
		},
		"an intent, so that it is of an unknown kind": {
			func(t *testing.T, path string) { over(t, path, `intent`, "XXXXXX") }, "line 4 is not as it was written", "CH-1",
			[]string{"http.latency on f-2"},
			map[string]bool{"f-1": true},
		},
		"the last line, so that it is of an unknown kind": {
			func(t *testing.T, path string) {
				change(t, path, func(b []byte) []byte { return b[:bytes.LastIndex(b, []byte("\n{"))] }) // killed before it could say injected
				change(t, path, func(b []byte) []byte {
					copy(b[bytes.LastIndex(b, []byte("intent\",")):], "XXXXXX")
					return b
				})
			}, "line 8 is not as it was written", "CH-1",
			[]string{"http.latency on f-1"},
			map[string]bool{"f-2": true},
		},
		"the proof": { // what is still there to be tried is tried, and not believed
			func(t *testing.T, path string) { over(t, path, `"id":"f-1"`, `"id":"f-7"`) }, "line 4 is not as it was written", "CH-1",
			[]string{"http.latency on f-1", "http.latency on f-2"},
			nil,
		},
		"the end of an intent": {
			func(t *testing.T, path string) { over(t, path, "\"}\n\n{\"rec\":\"injected\"", "\x00\x00") }, "line 4 breaks off, and its writer went on", "CH-1",
			[]string{"http.latency on f-2"},
			map[string]bool{"f-1": true},
		},
		"a whole line gone": {
			func(t *testing.T, path string) {
				change(t, path, func(b []byte) []byte {
					parts := strings.SplitAfter(string(b), "\n")
					return []byte(strings.Join(append(parts[:3:3], parts[4:]...), ""))
				})
			}, "line 5 is about fault f-1, and what that was cannot be read", "CH-1",
			[]string{"http.latency on f-2"},
			map[string]bool{"f-1": true},
		},
		"the head": {
			func(t *testing.T, path string) { over(t, path, `opened`, "XXXXXX") }, "line 2 is not as it was written", "RUN",
			[]string{"http.latency on f-1", "http.latency on f-2"},
			nil,
		},
		"everything": {
			func(t *testing.T, path string) { change(t, path, func([]byte) []byte { return nil }) }, "its head is missing", "RUN",
			nil,
			map[string]bool{"f-1": true, "f-2": true},
		},
		"replaced by a program": {
			func(t *testing.T, path string) {
				change(t, path, func([]byte) []byte { return []byte("\x7fELF\x02\x01\x00\n\x00{\xff\n") })
			}, "line 1 cannot be read", "RUN",
			nil,
			map[string]bool{"f-1": true, "f-2": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, path := abandoned(t)
			c.damage(t, path)
			done, err := recoverWith(t.Context(), r.dir, r)
			require.ErrorIs(t, err, ErrDamaged)
			require.ErrorContains(t, err, "recover "+path+": the journal is damaged: "+c.says)
			require.ErrorContains(t, err, "kill -CONT PID")
			require.ErrorContains(t, err, "then remove "+path)
			require.Len(t, done, 1)
			require.ErrorIs(t, done[0].Err, ErrDamaged)
			require.Equal(t, c.run, done[0].Run)
			require.ElementsMatch(t, c.undone, done[0].Undone)
			if c.left == nil {
				c.left = map[string]bool{}
			}
			require.Equal(t, c.left, r.there)

			st, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), st.Mode(), "it is not sealed")
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			open, err := Active(r.dir)
			require.NoError(t, err)
			require.Len(t, open, 1)
			require.Contains(t, open[0].Damage, c.says)
			require.Equal(t, path, open[0].Journal)
			require.False(t, open[0].Live)
			require.ErrorIs(t, admissible(r.dir), ErrRefused)
			require.ErrorContains(t, admissible(r.dir), path)

			_, err = recoverWith(t.Context(), r.dir, r)
			require.ErrorIs(t, err, ErrDamaged, "twice says the same")
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after, "and adds nothing")
			require.NoError(t, os.Remove(path))
			require.NoError(t, admissible(r.dir), "somebody has looked")
		})
	}
}

// TestEndlessJournal is one that somebody else filled: not all of it is read, and what
// is read is undone, however often.
func TestEndlessJournal(t *testing.T) {
	r, path := abandoned(t)
	change(t, path, func(b []byte) []byte { return append(b, make([]byte, journalMost)...) })
	for range 2 {
		done, err := recoverWith(t.Context(), r.dir, r)
		require.ErrorIs(t, err, ErrDamaged)
		require.ErrorContains(t, err, "it is longer than 16 MiB")
		require.ElementsMatch(t, []string{"http.latency on f-1", "http.latency on f-2"}, done[0].Undone)
		require.Empty(t, r.there)
		r.there["f-1"], r.there["f-2"] = true, true
	}
}

// TestCrashesAreNoDamage: a journal that ends anywhere after its head, and what was
// written when the power went, are undone and closed.
func TestCrashesAreNoDamage(t *testing.T) {
	_, path := abandoned(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	head := bytes.Index(whole[1:], []byte("\n{"))
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		cut := rapid.IntRange(head, len(whole)).Draw(rt, "cut")
		zeros := rapid.IntRange(0, 9).Draw(rt, "zeros that were never written")
		again := rapid.IntRange(0, 40).Draw(rt, "cut of the undertaker, which was killed too")
		file := append(bytes.Clone(whole[:cut]), make([]byte, zeros)...)
		if again > 0 {
			file = append(file, "\n{\"rec\":\"undoing\",\"at\":\"2026-11-24T03:00:00Z\""[:again]...)
		}
		require.NoError(rt, os.WriteFile(filepath.Join(dir, "RUN.wal"), file, 0o600))
		r := &rig{t: t, there: map[string]bool{}}
		l, err := ReadLog(filepath.Join(dir, "RUN.wal"))
		require.NoError(rt, err)
		for _, e := range l.Entries {
			r.there[e.ID] = true
		}
		done, err := recoverWith(t.Context(), dir, r)
		require.NoError(rt, err)
		require.Len(rt, done[0].Undone, len(l.Entries))
		l, err = ReadLog(filepath.Join(dir, "RUN.wal"))
		require.NoError(rt, err)
		require.True(rt, l.Closed)
		require.Empty(rt, l.Damage)
	})
}

// TestAnotherByteIsDamage: no byte of an intent can change unseen.
func TestAnotherByteIsDamage(t *testing.T) {
	_, path := abandoned(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	from := bytes.Index(whole, []byte(`{"rec":"intent"`))
	to := from + bytes.IndexByte(whole[from:], '\n')
	rapid.Check(t, func(rt *rapid.T) {
		file := bytes.Clone(whole)
		at := rapid.IntRange(from, to-1).Draw(rt, "at")
		file[at] = rapid.Byte().Filter(func(b byte) bool { return b != whole[at] }).Draw(rt, "byte")
		l, err := foldLog(bytes.NewReader(file))
		require.NoError(rt, err)
		if inSum := at >= to-len(sumKey+`01234567"}`); inSum && l.Damage == "" {
			require.Len(rt, l.Entries, 2, "only the name of the checksum may go")
			return
		}
		require.NotEmpty(rt, l.Damage)
	})
}

// TestUndertakerOfADamagedJournal does what it can and makes way: nothing gets
// better by waiting.
func TestUndertakerOfADamagedJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, path := abandoned(t)
		over(t, path, `intent`, "XXXXXX")
		j, err := joinJournal(path, "undertaker", lockShared)
		require.NoError(t, err)
		gone := make(chan struct{})
		close(gone)
		began := time.Now()
		u := &undertaker{journal: j, hands: r, gone: gone, beats: &beats{}}
		require.ErrorIs(t, u.Run(t.Context()), ErrDamaged)
		require.Less(t, time.Since(began), buryEvery)
		require.NoError(t, j.close())
		require.Equal(t, map[string]bool{"f-1": true}, r.there)
	})
}
