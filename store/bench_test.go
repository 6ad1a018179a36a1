package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// openBench opens a store that has an incident, INC-1.
func openBench(b *testing.B, path string) *store.DB {
	b.Helper()
	db, err := store.Open(b.Context(), path)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	if last, err := db.Last(b.Context()); err == nil && last > 0 {
		return db
	}
	by := incident.By{Actor: "ana", Source: "bench", At: time.Now()}
	_, err = incident.NewDesk(db).Declare(b.Context(), by, "", incident.Declaration{Title: "checkout 5xx", Severity: incident.Sev1, Service: "checkout"})
	require.NoError(b, err)
	return db
}

// line is the n-th event of a bench: what people and engines write, every second
// one with data.
func line(n int, about incident.ID) incident.Event {
	e := incident.Event{
		Incident: about, At: time.Unix(1764000000+int64(n), 0), Kind: incident.NoteAdded, Actor: "ana", Source: "bench",
		Text: fmt.Sprintf("payments answers slowly again, error ratio %d.%d of checkout-%d", n%100, n%7, n%13),
	}
	if n%2 == 0 {
		e.Data = json.RawMessage(`{"service":"payments","labels":{"region":"eu","team":"shop"}}`)
	}
	return e
}

// BenchmarkAppend is the store against a bare loop that only inserts: the same
// events, driver, schema, disk and size of transaction. Reach: 0.8. The bare
// loop of x-bare keeps no index for search and no state of the incident, which at a
// hundred events a transaction is a quarter of the work; the one of x-bare-indexed
// indexes each event, and so fills the same tables as the store.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 100} {
		for _, about := range []incident.ID{"", "INC-1"} {
			b.Run(fmt.Sprintf("batch=%d/incident=%t", batch, about != ""), func(b *testing.B) { againstBare(b, batch, about) })
		}
	}
}

// againstBare takes turns of 20 ms for four seconds, so that what else the
// machine does hurts all alike.
func againstBare(b *testing.B, batch int, about incident.ID) {
	db := openBench(b, filepath.Join(b.TempDir(), "s.db"))
	plain, indexed := openBare(b, false), openBare(b, true)
	n := 0
	events := func() []incident.Event {
		all := make([]incident.Event, batch)
		for i := range all {
			n++
			all[i] = line(n, about)
		}
		return all
	}
	loops := []func(){
		func() { _, err := db.Append(b.Context(), events()...); require.NoError(b, err) },
		func() { plain.append(b, events()) },
		func() { indexed.append(b, events()) },
	}
	spent, done := make([]time.Duration, len(loops)), make([]int, len(loops))
	for b.Loop() {
		for turn := range 200 {
			i := turn % len(loops)
			start := time.Now()
			for time.Since(start) < 20*time.Millisecond {
				loops[i]()
				done[i] += batch
			}
			spent[i] += time.Since(start)
		}
	}
	rate := func(i int) float64 { return float64(done[i]) / spent[i].Seconds() }
	b.ReportMetric(rate(0), "events/s")
	b.ReportMetric(rate(0)/rate(1), "x-bare")
	b.ReportMetric(rate(0)/rate(2), "x-bare-indexed")
	b.ReportMetric(0, "ns/op")
}

// bare is the loop that anybody would write first.
type bare struct {
	db            *sql.DB
	insert, index *sql.Stmt
}

func openBare(b *testing.B, indexed bool) *bare {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bare.db")
	db, err := store.Open(b.Context(), path) // the schema
	require.NoError(b, err)
	require.NoError(b, db.Close())
	l := &bare{}
	l.db, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	require.NoError(b, err)
	l.db.SetMaxOpenConns(1)
	b.Cleanup(func() { require.NoError(b, l.db.Close()) })
	l.insert, err = l.db.Prepare(`INSERT INTO event (id, incident, at, recorded, kind, actor, source, text, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	require.NoError(b, err)
	if indexed {
		l.index, err = l.db.Prepare(`INSERT INTO search (rowid, text, more) VALUES (?, ?, ?)`)
		require.NoError(b, err)
	}
	return l
}

func (l *bare) append(b *testing.B, events []incident.Event) {
	b.Helper()
	tx, err := l.db.Begin()
	require.NoError(b, err)
	now := time.Now()
	insert, index := tx.Stmt(l.insert), l.index
	if index != nil {
		index = tx.Stmt(index)
	}
	for _, e := range events {
		id := ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String()
		result, err := insert.Exec(id, string(e.Incident), e.At.UnixMicro(), now.UnixMicro(), string(e.Kind), string(e.Actor), e.Source, e.Text, sql.NullString{String: string(e.Data), Valid: e.Data != nil})
		require.NoError(b, err)
		if index != nil {
			seq, err := result.LastInsertId()
			require.NoError(b, err)
			_, err = index.Exec(seq, e.Text, "payments eu shop")
			require.NoError(b, err)
		}
	}
	require.NoError(b, tx.Commit())
}

// BenchmarkMillion is reading in a store of a million events in 10 000
// incidents, one of which, INC-1, has 100 000 events scattered among the others.
func BenchmarkMillion(b *testing.B) {
	path := filepath.Join(b.TempDir(), "s.db")
	million(b, path)
	b.Run("open", func(b *testing.B) { // reach: 100 ms
		for b.Loop() {
			db, err := store.Open(b.Context(), path)
			require.NoError(b, err)
			require.NoError(b, db.Close())
		}
	})
	db := openBench(b, path)
	b.Run("open_incidents", func(b *testing.B) {
		for b.Loop() {
			list, err := db.Incidents(b.Context(), true, 0)
			require.NoError(b, err)
			require.Len(b, list, 100)
		}
	})
	b.Run("timeline/open", func(b *testing.B) { // state and last page; reach: 50 ms
		for b.Loop() {
			inc, err := db.Incident(b.Context(), "INC-1")
			require.NoError(b, err)
			require.Equal(b, incident.ID("INC-1"), inc.ID)
			page, err := db.Page(b.Context(), "INC-1", 0, 50)
			require.NoError(b, err)
			require.Len(b, page, 50)
		}
	})
	b.Run("timeline/page", func(b *testing.B) { // reach: 5 ms warm
		before, pages := int64(0), 0
		for b.Loop() {
			page, err := db.Page(b.Context(), "INC-1", before, 50)
			require.NoError(b, err)
			require.Len(b, page, 50)
			if before, pages = page[0].Seq, pages+1; pages == 200 {
				before, pages = 0, 0 // what is read again is warm
			}
		}
	})
	b.Run("related", func(b *testing.B) { // what `incident show` asks
		inc := incident.Incident{Title: "payments queue memory: host-17 refused, a zebra crossed"}
		for b.Loop() {
			spoken, err := db.Spoken(b.Context(), inc.Words())
			require.NoError(b, err)
			incident.Alike(inc.Words(), spoken, 10000)
		}
	})
	b.Run("last_day", func(b *testing.B) { // what a screen starts with
		for b.Loop() {
			_, err := db.Between(b.Context(), time.Unix(1000000-86400, 0), time.Unix(1000000, 0), 5000)
			require.NoError(b, err)
		}
	})
	b.Run("all_states", func(b *testing.B) {
		for b.Loop() {
			list, err := db.Incidents(b.Context(), false, 0)
			require.NoError(b, err)
			require.Equal(b, 10000, len(list))
		}
	})
	for name, looked := range map[string][]string{ // newest first; reach: 100 ms
		"rare": {"zebra"}, "common": {"payments"}, "two": {"payments", "zebra"}, "phrase": {"slowly again"},
		"prefix": {"rollb*"}, "prefix_of_all": {"pay*"}, "label": {"region", "eu"}, "nothing": {"payments", "nosuchword"}, "rare_phrase": {"zebra crossed"},
	} {
		b.Run("search/"+name, func(b *testing.B) {
			for b.Loop() {
				hits, err := db.Search(b.Context(), looked, 20)
				require.NoError(b, err)
				require.Equal(b, name == "nothing", len(hits) == 0)
			}
		})
	}
}

// million fills a store in one transaction.
func million(b *testing.B, path string) {
	b.Helper()
	openBench(b, path)
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_txlock=immediate")
	require.NoError(b, err)
	defer func() { require.NoError(b, db.Close()) }()
	tx, err := db.Begin()
	require.NoError(b, err)
	_, err = tx.Exec(`WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 1000000),
		word (i, word) AS (VALUES (0, 'timeout'), (1, 'refused'), (2, 'rollback'), (3, 'deploy'), (4, 'queue'), (5, 'replica'), (6, 'memory'))
		INSERT INTO event (seq, id, incident, at, recorded, kind, actor, source, text, data)
		SELECT n, printf('%026d', n * 7919 % 1000003), iif(n % 10 = 0, 'INC-1', 'INC-' || (n % 9999 + 2)), n * 1000000, n * 1000000, 'note.added', 'ana', 'bench',
			printf('payments answers slowly again, %s after %d, host-%d%s', word, n % 1000, n % 5000, iif(n % 100000 = 7, ', a zebra crossed', '')),
			iif(n % 2, NULL, '{"service":"payments","labels":{"region":"eu","team":"shop"}}')
		FROM n JOIN word ON i = n % 7`)
	require.NoError(b, err)
	_, err = tx.Exec(`INSERT INTO search (search) VALUES ('rebuild'); UPDATE searched SET seq = 1000000`)
	require.NoError(b, err)
	for n := 2; n <= 10000; n++ {
		e, err := incident.Declare(incident.By{Actor: "ana", Source: "bench", At: time.Unix(int64(n), 0)}, incident.NumberedID(n), incident.Declaration{Title: "checkout 5xx", Severity: incident.Sev2, Service: "checkout"})
		require.NoError(b, err)
		state, err := json.Marshal(incident.Fold(e))
		require.NoError(b, err)
		_, err = tx.Exec(`INSERT INTO incident (number, id, over, state, seq) VALUES (?, ?, ?, ?, ?)`, n, string(e.Incident), n > 100, string(state), 0)
		require.NoError(b, err)
	}
	require.NoError(b, tx.Commit())
}

// BenchmarkEightProcesses is eight processes that write into one store at once,
// each event in a transaction of its own: none fails, none is lost.
func BenchmarkEightProcesses(b *testing.B) {
	const processes, each = 8, 200
	var waits []time.Duration
	var spent time.Duration
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "s.db")
		db := openBench(b, path)
		outs := make([][]byte, processes)
		var crowd errgroup.Group
		start := time.Now()
		for i := range outs {
			crowd.Go(func() (err error) {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), "SITREP_TEST_CROWD="+path, fmt.Sprint("SITREP_TEST_EVENTS=", each))
				outs[i], err = cmd.Output()
				return err
			})
		}
		require.NoError(b, crowd.Wait())
		spent += time.Since(start)
		for _, out := range outs {
			for field := range strings.FieldsSeq(string(out)) {
				wait, err := time.ParseDuration(field)
				require.NoError(b, err)
				waits = append(waits, wait)
			}
		}
		events, err := db.After(b.Context(), 1, 1<<20)
		require.NoError(b, err)
		require.Len(b, events, processes*each)
	}
	slices.Sort(waits)
	b.ReportMetric(float64(len(waits))/spent.Seconds(), "events/s")
	b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(waits[len(waits)-1].Microseconds())/1000, "max-ms")
	b.ReportMetric(0, "ns/op")
}

// oneOfTheCrowd is one of the eight: it prints how long each event took.
func oneOfTheCrowd(path string) int {
	ctx := context.Background()
	var each int
	_, err := fmt.Sscan(os.Getenv("SITREP_TEST_EVENTS"), &each)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	db, err := store.Open(ctx, path)
	for n := 0; err == nil && n < each; n++ {
		start := time.Now()
		if _, err = db.Append(ctx, line(n, "INC-1")); err == nil {
			fmt.Println(time.Since(start))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
