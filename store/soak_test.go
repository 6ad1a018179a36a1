package store_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// The soak: how many writers are killed at least, and how many write at once.
const (
	leastKills = 300
	writers    = 3
)

// Whoever is killed -9 at whatever moment, of several that write to one store:
// everything that was acknowledged is there, every transaction is there whole or
// not at all, and the store is sound. SITREP_SOAK is for how long (make soak).
func TestSoak(t *testing.T) {
	t.Parallel()
	length := time.Duration(0) // the kills decide
	if text := os.Getenv("SITREP_SOAK"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err, "SITREP_SOAK")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := &soak{t: t, path: filepath.Join(t.TempDir(), "s.db"), acknowledged: map[int64]string{}}
	db := open(t, s.path)
	_, err := incident.NewDesk(db).Declare(t.Context(), by(), "", incident.Declaration{Title: "soak", Severity: incident.Sev4})
	require.NoError(t, err)
	var running []*victim
	began := time.Now()
	kills := 0
	least := leastKills
	if raced {
		least /= 3
	}
	for kills < least || time.Since(began) < length {
		for len(running) < writers {
			running = append(running, s.start(random.Uint64()))
		}
		i := random.IntN(len(running))
		v := running[i]
		v.read(random.IntN(12)) // 0: while it opens the store
		v.kill()
		kills++
		running = append(running[:i], running[i+1:]...)
		if kills%100 == 0 {
			s.sound()
		}
	}
	for _, v := range running {
		v.kill()
		kills++
	}
	require.NoError(t, db.Close())
	written := s.sound()
	t.Logf("%d rounds in %s: %d writers killed, %d events written, %d acknowledged, all of them found", kills, time.Since(began).Round(time.Second), kills, written, len(s.acknowledged))
}

type soak struct {
	t            *testing.T
	path         string
	acknowledged map[int64]string // the text, by Seq
}

// victim is a process that writes until it is killed.
type victim struct {
	s     *soak
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func (s *soak) start(seed uint64) *victim {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SITREP_TEST_WRITER="+s.path, "SITREP_TEST_SEED="+strconv.FormatUint(seed, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	shorten(s.t, out.(*os.File)) // or the store would grow by thousands of events a second
	require.NoError(s.t, cmd.Start())
	return &victim{s: s, cmd: cmd, lines: bufio.NewScanner(out)}
}

// read takes n of its acknowledgements: SEQ TEXT.
func (v *victim) read(n int) {
	for range n {
		if !v.lines.Scan() {
			return
		}
		v.note()
	}
}

func (v *victim) note() {
	number, text, whole := strings.Cut(v.lines.Text(), " ")
	if !whole || !strings.HasSuffix(text, ".") {
		return // it died while it spoke
	}
	seq, err := strconv.ParseInt(number, 10, 64)
	require.NoError(v.s.t, err)
	v.s.acknowledged[seq] = text
}

// kill ends it, and takes what it had said until then.
func (v *victim) kill() {
	require.NoError(v.s.t, v.cmd.Process.Kill())
	for v.lines.Scan() {
		v.note()
	}
	require.ErrorContains(v.s.t, v.cmd.Wait(), "killed")
}

// sound looks at the whole store and returns how many events it has.
func (s *soak) sound() int {
	s.t.Helper()
	report, err := store.Check(s.t.Context(), s.path)
	require.NoError(s.t, err)
	require.Empty(s.t, report.Findings)
	db := open(s.t, s.path)
	events, err := db.After(s.t.Context(), 0, 1<<30)
	require.NoError(s.t, err)
	require.NoError(s.t, db.Close())
	found, batches := map[int64]string{}, map[string]int{}
	for i, e := range events {
		require.EqualValues(s.t, i+1, e.Seq, "no gap: what was rolled back never had a number")
		found[e.Seq] = e.Text
		if batch, _, ok := strings.Cut(e.Text, "/"); ok {
			batches[batch]++
			require.JSONEq(s.t, `[1,2,3]`, string(e.Evidence), "an event and its evidence are one")
		}
	}
	for seq, text := range s.acknowledged {
		require.Equal(s.t, text, found[seq], "event %d was acknowledged", seq)
	}
	for batch, n := range batches {
		require.Equal(s.t, batchSize, n, "batch %s is whole", batch)
	}
	return len(events)
}

const batchSize = 4

// writeForEver is the child: single events, several in one transaction, and
// decisions on an incident, each told on standard output once it is recorded.
func writeForEver(path, seed string) int {
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	random := rand.New(rand.NewPCG(n, 1))
	pause, _ := time.ParseDuration(os.Getenv("SITREP_TEST_PAUSE")) // none, without
	ctx := context.Background()
	db, err := store.Open(ctx, path)
	for i := 0; err == nil; i++ {
		time.Sleep(pause)
		name := fmt.Sprintf("%d-%d", os.Getpid(), i)
		switch random.IntN(3) {
		case 0:
			err = say(db.Append(ctx, incident.Event{Kind: incident.ChangeRecorded, Actor: "w", Source: "test", Text: name + "."}))
		case 1:
			var batch []incident.Event
			for j := range batchSize {
				batch = append(batch, incident.Event{Kind: incident.NoteAdded, Actor: "w", Source: "test", Text: fmt.Sprintf("%s/%d.", name, j), Evidence: json.RawMessage(`[1,2,3]`)})
			}
			err = say(db.Append(ctx, batch...))
		case 2:
			_, err = db.Decide(ctx, "INC-1", func(inc incident.Incident) ([]incident.Event, error) { return inc.Note(by(), name+".") })
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func say(events []incident.Event, err error) error {
	for _, e := range events {
		fmt.Println(e.Seq, e.Text)
	}
	return err
}
