package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// BenchmarkSeenByAnother is the time from the end of a commit here until another
// process that waits for it has it. Reach: 250 ms.
func BenchmarkSeenByAnother(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s.db")
	db, err := store.Open(b.Context(), path)
	require.NoError(b, err)
	defer func() { require.NoError(b, db.Close()) }()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SITREP_TEST_READER="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	require.True(b, lines.Scan(), "it is there")
	var took []time.Duration
	for b.Loop() {
		_, err := db.Append(b.Context(), incident.Event{Kind: incident.NoteAdded, Actor: "ana", Source: "bench", Text: "note"})
		require.NoError(b, err)
		committed := time.Now()
		require.True(b, lines.Scan())
		took = append(took, time.Since(committed))
		b.StopTimer()
		time.Sleep(time.Duration(len(took)%17) * time.Millisecond) // people do not write in step with anything
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
	b.ReportMetric(took[len(took)-1].Seconds()*1000, "max-ms")
}

// readForEver is the child: it says a line for every event that it sees.
func readForEver(path string) int {
	ctx := context.Background()
	db, err := store.Open(ctx, path)
	fmt.Println("here")
	for seq := int64(0); err == nil; {
		if err = db.Wait(ctx, seq); err == nil {
			var events []incident.Event
			events, err = db.After(ctx, seq, 100)
			for _, e := range events {
				seq = e.Seq
				fmt.Println(seq)
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}
