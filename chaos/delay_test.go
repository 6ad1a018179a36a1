package chaos

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOneThatHangsDelaysNobody: the others are undone at once while one is tried
// again and again, by the runner as by whoever comes after it.
func TestOneThatHangsDelaysNobody(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		stubborn := func(_ *rig, id string, _ time.Duration) bool { return id == "f-3" }
		r.refuse = stubborn
		out, log := r.run(t.Context(), 1, 3, nil)
		require.Equal(t, UndoFailed, out.Verdict)
		for _, f := range out.Faults[:2] {
			require.Equal(t, 9500*time.Millisecond, f.GoneAt.Sub(r.began), f.ID)
		}
		require.Nil(t, out.Faults[2].GoneAt)
		require.Len(t, log.open(), 1)
	})
	virtually(t, func(t *testing.T, r *rig) {
		r.began, r.there = time.Now(), map[string]bool{"f-1": true, "f-2": true}
		j := openJournal(t, t.TempDir(), "RUN")
		for _, id := range []string{"f-1", "f-2"} {
			intent := &Intent{Undo: []Op{HTTPDelete("http://127.0.0.1:1/faults", id)}, Gone: HTTPAbsent("http://127.0.0.1:1/faults", id)}
			require.NoError(t, j.Append(Record{Rec: recIntent, Entry: id, Intent: intent}))
			require.NoError(t, j.appendNow(recInjected, id, ""))
		}
		r.refuse = func(_ *rig, id string, at time.Duration) bool { return id == "f-2" && at < time.Second }
		log, err := undoAll(t.Context(), j, r, "test")
		require.NoError(t, err)
		require.True(t, log.Closed)
		log, err = j.log()
		require.NoError(t, err)
		require.Equal(t, r.began, log.Entries[0].UndoneAt.In(r.began.Location()))
		require.GreaterOrEqual(t, log.Entries[1].UndoneAt.Sub(r.began), time.Second)
	})
}

// TestFailedUndoMakesWay: a guard has ended the run and the undo does not work.
// While the runner waited for health, its undertaker could not try again.
func TestFailedUndoMakesWay(t *testing.T) {
	virtually(t, func(t *testing.T, r *rig) {
		r.metric = func(r *rig, _ time.Duration) (float64, bool, error) {
			if r.hurt() {
				return 9, true, nil
			}
			return 0, true, nil
		}
		r.refuse = func(*rig, string, time.Duration) bool { return true }
		out, _ := r.run(t.Context(), 1, 1, nil)
		require.Equal(t, UndoFailed, out.Verdict)
		require.Nil(t, out.RecoverySeconds)
		require.Equal(t, 4500*time.Millisecond, r.at(), "three evaluations, and five tries")
	})
}

// TestSlowQueries do not keep a fault in place: neither when its time is over
// nor when somebody ends it.
func TestSlowQueries(t *testing.T) {
	for name, c := range map[string]struct{ halt, gone time.Duration }{
		"its time is over": {time.Hour, 9500 * time.Millisecond},
		"HALT":             {3 * time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			virtually(t, func(t *testing.T, r *rig) {
				r.metric = func(_ *rig, at time.Duration) (float64, bool, error) {
					if at > 0 {
						time.Sleep(time.Minute) // whatever its context says
					}
					return 0, true, nil
				}
				ctx, cancel := context.WithTimeout(t.Context(), c.halt)
				defer cancel()
				out, log := r.run(ctx, 1, 1, nil)
				require.Equal(t, c.gone, out.Faults[0].GoneAt.Sub(r.began))
				require.True(t, log.Closed)
			})
		})
	}
}

// TestSealed: what is over costs nobody a look, and stays readable.
func TestSealed(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, "RUN")
	u, err := joinJournal(j.path, "undertaker", lockShared)
	require.NoError(t, err)
	require.NoError(t, u.close())
	paths, err := journals(dir)
	require.NoError(t, err)
	require.Equal(t, []string{j.path}, paths, "it is still open")

	require.NoError(t, j.appendNow(recClosed, "", "held"))
	require.NoError(t, j.close())
	paths, err = journals(dir)
	require.NoError(t, err)
	require.Empty(t, paths)
	st, err := os.Stat(j.path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o400), st.Mode())
	l, err := ReadLog(j.path)
	require.NoError(t, err)
	require.Equal(t, "held", l.ClosedText)
}

// TestNothingWithoutAnUndo: what the undertaker would refuse to do is refused
// before the fault is there.
func TestNothingWithoutAnUndo(t *testing.T) {
	e, err := Load("e.yaml", []byte(whole), fakes())
	require.NoError(t, err)
	good := "http://127.0.0.1:1/faults"
	for name, c := range map[string]struct {
		inj  Injection
		want string
	}{
		"undoable":              {Injection{Tier: TierCarried, Undo: []Op{HTTPDelete(good, "f-1")}, Gone: HTTPAbsent(good, "f-1")}, ""},
		"irreversible":          {Injection{Tier: TierIrreversible, Gone: Nothing()}, ""},
		"an address of sorts":   {Injection{Tier: TierCarried, Undo: []Op{HTTPDelete("http://127.0.0.1:1/?x=/faults", "f-1")}, Gone: HTTPAbsent(good, "f-1")}, "is not the address of a proxy's fault"},
		"a check of sorts":      {Injection{Tier: TierCarried, Undo: []Op{HTTPDelete(good, "f-1")}, Gone: Check{Is: "hoped"}}, `check "hoped" is not on the list`},
		"a shell":               {Injection{Tier: TierDeadMan, Undo: []Op{{Do: "sh"}}, Gone: Nothing()}, `undo operation "sh" is not on the list`},
		"no proof":              {Injection{Tier: TierDeadMan, Undo: []Op{HTTPDelete(good, "f-1")}, Gone: Nothing()}, "nothing would prove it gone"},
		"no check, and no tier": {Injection{}, "is not on the list of known ones"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := func(string, Step, Target) (Injection, error) { return c.inj, nil }
			_, err := Resolve(t.Context(), e, []Fault{fake{"http.latency", plan}}, shop("payments"), "RUN", 0)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrRefused)
			require.ErrorContains(t, err, "plan http.latency on payments-1: refused R10 no-undo: it could not be undone: ")
			require.ErrorContains(t, err, c.want)
		})
	}
}
