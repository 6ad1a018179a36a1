package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var three = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC) // in the morning

func anyRecord() *rapid.Generator[Record] {
	return rapid.Custom(func(t *rapid.T) Record {
		r := Record{
			Rec: rapid.SampledFrom([]string{
				recOpened, recArmed, recIntent, recInjected, recObserved, recUndoing, recUndone, recUndoFailed, recClosed, "of a later sitrep",
			}).Draw(t, "rec"),
			At:    three.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "second")) * time.Second),
			Entry: rapid.SampledFrom([]string{"", "f-1", "f-2", "f-3"}).Draw(t, "entry"),
			Text:  rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "text"),
		}
		if rapid.Bool().Draw(t, "complete") {
			r.Opened = &Opened{ID: r.Text}
			r.Intent = &Intent{Kind: r.Text, Gone: Nothing()}
			r.Process = &Process{PID: 1 + len(r.Text)}
		}
		return r
	})
}

func lines(t require.TestingT, records []Record) []byte {
	var b bytes.Buffer
	for _, r := range records {
		line, err := json.Marshal(r)
		require.NoError(t, err)
		fmt.Fprintf(&b, "\n%s\n", line)
	}
	return b.Bytes()
}

func fold(t require.TestingT, file []byte) Log {
	l, err := foldLog(bytes.NewReader(file))
	require.NoError(t, err)
	return l
}

// TestFoldLaws holds for whatever is in a journal: a record that was written twice
// changes nothing; no record opens what is proven undone; a run is closed only if
// nothing is left.
func TestFoldLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOf(anyRecord()).Draw(t, "records")
		var doubled []Record
		for _, r := range records {
			doubled = append(doubled, r, r)
		}
		file := lines(t, records)
		once := fold(t, file)
		twice := fold(t, lines(t, doubled))
		require.Equal(t, once.Damage == "", twice.Damage == "")
		twice.Damage = once.Damage // but for the number of the line
		require.Equal(t, once, twice)
		require.Zero(t, once.Torn)
		require.False(t, once.Closed && len(once.open()) > 0)

		more := fold(t, slices.Concat(file, lines(t, []Record{anyRecord().Draw(t, "one more")})))
		for i, e := range once.Entries {
			require.Equal(t, e.ID, more.Entries[i].ID, "entries keep their order")
			require.False(t, !e.Open() && more.Entries[i].Open())
			require.False(t, e.Confirmed && !more.Entries[i].Confirmed)
		}
	})
}

// TestFoldTwice reads a whole history and then reads it again: the second time
// everything is known.
func TestFoldTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var records []Record
		for _, id := range []string{"f-1", "f-2", "f-3"} {
			records = append(records, Record{Rec: recIntent, Entry: id, Intent: &Intent{Kind: id}})
		}
		file := lines(t, append(records, rapid.SliceOf(anyRecord()).Draw(t, "records")...))
		require.Equal(t, fold(t, file), fold(t, slices.Concat(file, file)))
	})
}

// TestTornLines cuts a journal anywhere, as a crash does, and whoever cleans up
// appends to it: what was complete before the cut and what comes after it is read,
// and the cut is no damage.
func TestTornLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(anyRecord(), 1, 8).Draw(t, "records")
		file := lines(t, records)
		cut := rapid.IntRange(0, len(file)).Draw(t, "cut")
		whole := 0 // records before the cut
		for n := range records {
			if cut >= len(lines(t, records[:n+1]))-1 { // the last newline may be missing
				whole = n + 1
			}
		}
		after := Record{Rec: recClosed, At: three, Text: "after", By: "undertaker"}
		padding := bytes.Repeat([]byte{0}, rapid.IntRange(0, 9).Draw(t, "zeros that were never written"))
		got := fold(t, slices.Concat(file[:cut], padding, lines(t, []Record{after})))
		want := fold(t, lines(t, append(slices.Clone(records[:whole]), after)))
		got.Torn = 0
		require.Equal(t, want, got) // in Damage too
	})
}

func FuzzFoldLog(f *testing.F) {
	f.Add([]byte("\n{\"rec\":\"intent\",\"entry\":\"f-1\",\"intent\":{\"undo\":[{\"do\":\"signal\",\"process\":{\"pid\":7}}]}}\n"))
	f.Add([]byte("{\"rec\":\"closed\"}{\"rec\":"))
	f.Add([]byte("\x00\x00null\n[]\n{\"rec\":7}\n{\"rec\":\"opened\",\"opened\":null}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		once := fold(t, file)
		var doubled []byte
		for line := range bytes.Lines(file) {
			doubled = slices.Concat(doubled, line, []byte("\n"), line)
		}
		twice := fold(t, doubled)
		twice.Torn = once.Torn
		require.Equal(t, once.Damage == "", twice.Damage == "")
		twice.Damage = once.Damage
		require.Equal(t, once, twice)
		for _, e := range once.Entries {
			for _, op := range e.Undo {
				_ = op.String()
				if op.Valid() == nil && op.Do == "signal" {
					require.Greater(t, op.Process.PID, 1)
				}
			}
			_ = e.Gone.String()
			_ = e.Gone.Valid()
		}
	})
}

func openJournal(t *testing.T, dir, id string) *Journal {
	j, err := createJournal(dir, Opened{Run: "CH-1", ID: id, Experiment: "test"}, three)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.file.Close() })
	return j
}

func blocks(t *testing.T, f *os.File) int64 {
	st, err := f.Stat()
	require.NoError(t, err)
	return st.Sys().(*syscall.Stat_t).Blocks
}

// TestReservedRoom is why a full disk cannot keep an undo from being recorded:
// appending takes nothing from the filesystem.
func TestReservedRoom(t *testing.T) {
	j := openJournal(t, t.TempDir(), "RUN")
	before := blocks(t, j.file)
	if before*512 < journalRoom {
		require.ErrorIs(t, syscall.Fallocate(int(j.file.Fd()), 1, 0, journalRoom), errors.ErrUnsupported, "the filesystem can reserve, and did not")
		return
	}
	for range 300 {
		require.NoError(t, j.appendNow(recUndoFailed, "f-1", strings.Repeat("x", 500)))
	}
	require.Equal(t, before, blocks(t, j.file))
	st, err := j.file.Stat()
	require.NoError(t, err)
	require.Greater(t, st.Size(), int64(150_000), "the end of the file is the end of what was written")

	other, err := joinJournal(j.path, "undertaker", lockShared)
	require.NoError(t, err)
	require.NoError(t, other.close())
	require.Equal(t, before, blocks(t, j.file), "whoever leaves an open journal leaves its room to the next")
	require.NoError(t, j.appendNow(recClosed, "", "done"))
	require.NoError(t, j.giveRoomBack())
	require.Less(t, blocks(t, j.file), before)
}

// TestJournalOfALaterSitrep is read, appended to and closed by this one, and
// keeps what this one does not know.
func TestJournalOfALaterSitrep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "RUN.wal")
	later := `{"rec":"opened","at":"2030-01-01T00:00:00Z","opened":{"run":"CH-1","id":"RUN","universe":7}}` + "\n" +
		`{"rec":"negotiated","at":"2030-01-01T00:00:00Z","entry":"f-1","treaty":{"pages":3}}` + "\n" +
		`{"rec":"intent","entry":"f-1","intent":{"kind":"quantum.tunnel","target":"x","tier":"Q","gone":{"is":"nothing"},"unheard":1}}` + "\n"
	require.NoError(t, os.WriteFile(path, []byte(later), 0o600))
	done, err := Recover(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, []string{"quantum.tunnel on x"}, done[0].Undone)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(file), later))
	l, err := ReadLog(path)
	require.NoError(t, err)
	require.True(t, l.Closed)
	require.Zero(t, l.Torn)
}

// TestJournalLocks are how runner, undertaker and recovery keep out of each
// other's way.
func TestJournalLocks(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, "RUN")
	_, err := joinJournal(j.path, "recover", lockExclusive)
	require.ErrorIs(t, err, syscall.EWOULDBLOCK, "its runner is alive")
	u, err := joinJournal(j.path, "undertaker", lockShared)
	require.NoError(t, err)
	require.NoError(t, j.close())
	_, err = joinJournal(j.path, "recover", lockExclusive)
	require.ErrorIs(t, err, syscall.EWOULDBLOCK, "its undertaker is alive")
	require.NoError(t, u.appendNow(recClosed, "", "done"))
	require.NoError(t, u.close())
	r, err := joinJournal(j.path, "recover", lockExclusive)
	require.NoError(t, err)
	require.NoError(t, r.close())

	_, err = createJournal(dir, Opened{ID: "RUN"}, three)
	require.ErrorIs(t, err, os.ErrExist)
	_, err = createJournal(filepath.Join(dir, "nowhere"), Opened{ID: "RUN"}, three)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = joinJournal(filepath.Join(dir, "nothing.wal"), "recover", lockShared)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestAppendAfterTheEnd is an engine whose journal is gone from under it.
func TestAppendAfterTheEnd(t *testing.T) {
	j := openJournal(t, t.TempDir(), "RUN")
	require.NoError(t, j.close())
	require.ErrorContains(t, j.appendNow(recUndone, "f-1", ""), "journal "+j.path)
}

func TestWhatIsAJournal(t *testing.T) {
	paths, err := journals(filepath.Join(t.TempDir(), "nowhere"))
	require.NoError(t, err)
	require.Empty(t, paths, "a directory that does not exist has none")

	dir := t.TempDir()
	openJournal(t, dir, "B")
	openJournal(t, dir, "A")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "C.new"), nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "D.wal"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "E.wal"), nil, 0o600))
	paths, err = journals(dir)
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "A.wal"), filepath.Join(dir, "B.wal"), filepath.Join(dir, "E.wal")}, paths)
	open, err := Active(dir)
	require.NoError(t, err)
	require.Len(t, open, 3)
	require.Equal(t, OpenRun{Run: "E", ID: "E", Journal: paths[2], Damage: "its head is missing"}, open[2], "a journal has its head before its name")
}
