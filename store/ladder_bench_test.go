package store_test

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// BenchmarkLadderPass is the engine's look at ten thousand open incidents of
// which none, or one, is due: taking the lease, deciding, looking at the outbox
// and giving the lease back.
func BenchmarkLadderPass(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s.db")
	db := openBench(b, path)
	tenThousandOpen(b, path)
	engine := escalation.New(escalation.Config{
		Book: db, Leases: db, Timeline: db, Audit: db, Install: "bench000", Owner: "bench", Policy: escalation.Default(),
		Problem: func(err error) { b.Error(err) },
	})
	desk := incident.NewDesk(db)
	b.Run("none", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, engine.Deliver(b.Context(), 0))
		}
	})
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			_, err := desk.Note(b.Context(), incident.By{Actor: "ana", Source: "bench", At: time.Now()}, "INC-5000", "the graph agrees")
			require.NoError(b, err)
			require.NoError(b, engine.Deliver(b.Context(), 0))
		}
	})
}

// tenThousandOpen fills a store with incidents that the ladder has looked at and
// that are due tomorrow.
func tenThousandOpen(b *testing.B, path string) {
	b.Helper()
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	require.NoError(b, err)
	defer func() { require.NoError(b, raw.Close()) }()
	tx, err := raw.Begin()
	require.NoError(b, err)
	frozen, now := escalation.Default().Frozen(""), time.Now().UTC()
	for n := 2; n <= 10001; n++ { // openBench declared the first
		e, err := incident.Declare(incident.By{Actor: "ana", Source: "bench", At: now}, incident.NumberedID(n),
			incident.Declaration{Title: "checkout 5xx", Severity: incident.Sev4, Service: "checkout", Policy: frozen})
		require.NoError(b, err)
		e.Seq = int64(n)
		inc := incident.Fold(e)
		inc.Rung = incident.Rung{Level: "L1", Entered: now, Notified: now, Severity: incident.Sev4, Rounds: map[incident.Level]int{"L1": 1}}
		state, err := json.Marshal(inc)
		require.NoError(b, err)
		_, err = tx.Exec(`INSERT INTO event (seq, id, incident, at, recorded, kind, actor, source, text, data) VALUES (?, printf('%026d', ?), ?, ?, ?, ?, 'ana', 'bench', '', ?)`,
			n, n, string(e.Incident), now.UnixMicro(), now.UnixMicro(), string(e.Kind), string(e.Data))
		require.NoError(b, err)
		_, err = tx.Exec(`INSERT INTO incident (number, id, over, state, seq) VALUES (?, ?, 0, ?, ?)`, n, string(e.Incident), string(state), n)
		require.NoError(b, err)
		_, err = tx.Exec(`INSERT INTO watch (incident, told, next) VALUES (?, ?, ?)`, string(e.Incident), n, now.Add(24*time.Hour).UnixMicro())
		require.NoError(b, err)
	}
	require.NoError(b, tx.Commit())
}
