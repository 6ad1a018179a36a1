package chaos_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// with is an experiment's file with more keys at its end.
func with(e experiment, lines string) []byte { return append(e.file(), lines...) }

// TestDisconnectOfTheFile: the experiment says whether it goes on without its starter.
func TestDisconnectOfTheFile(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"continue": "held: the steady state held and returned", "abort": "aborted: whoever started the run is gone"} {
		l := newLab(t)
		e := pause()
		e.duration = 5 * time.Second
		bound := e.duration + undoBound
		if how == "abort" {
			e.duration, bound = 30*time.Second, undoBound
		}
		req := l.request(with(e, "on_disconnect: "+how+"\n"))
		h := l.starter(req)
		l.holding(req)
		require.NoError(t, h.Process.Kill())
		require.Eventually(t, func() bool { return l.journal(req).Closed }, bound, tick)
		l.recovered()
		require.Equal(t, want, l.journal(req).ClosedText)
	}
}

// TestProductionIsConfirmed word for word, by the runner itself.
func TestProductionIsConfirmed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := latency()
	e.duration = 5 * time.Second
	for confirm, verdict := range map[string]chaos.Verdict{"": chaos.Refused, "test": chaos.Refused, "test 100%": chaos.Held} {
		req := l.request(with(e, "labels: {env: production}\n"))
		req.Confirm = confirm
		out, _ := l.run(req)
		require.Equal(t, verdict, out.Verdict, out.Reason)
		switch confirm {
		case "test 100%":
			require.Equal(t, "the experiment has env=production", l.journal(req).Opened.Production, "whoever looks at the journal knows it")
		case "":
			require.Equal(t, `refused R5 production: the experiment has env=production; say --confirm "test 100%", or label the experiment with the env that it is for`, out.Reason)
		case "test":
			require.Equal(t, `refused R5 production: the experiment has env=production; --confirm "test" is not what it wants; say --confirm "test 100%", word for word`, out.Reason)
		}
	}
	require.Equal(t, 1, l.posted())
}

// TestAnEditChangesNothing: the text that a run was started with is the text that it
// runs, whatever becomes of the file.
func TestAnEditChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := latency()
	e.duration = 5 * time.Second
	req := l.request(e.file())
	req.File = filepath.Join(t.TempDir(), "test.yaml")
	require.NoError(t, os.WriteFile(req.File, req.Source, 0o600))
	h := l.spawn(req)
	before := l.holding(req)
	edited := strings.NewReplacer("name: test", "name: other", "duration: 5s", "duration: 10m", "> 0.5", "> -1").Replace(string(req.Source))
	require.NotEqual(t, edited, string(req.Source))
	require.NoError(t, os.WriteFile(req.File, []byte(edited), 0o600))
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
	l.recovered()
	after := l.journal(req)
	require.Equal(t, "test", after.Opened.Experiment)
	require.Equal(t, before.Entries[0].Until, after.Entries[0].Until)
	require.Len(t, after.Entries, 1)
	require.WithinDuration(t, after.Entries[0].InjectedAt.Add(e.duration), after.Entries[0].Until, patience)
}

// TestOperator: a run whose starter has a terminal ends when that answers no more, one
// without says that nobody is asked.
func TestOperator(t *testing.T) {
	t.Parallel()
	file := func(e experiment) []byte {
		return []byte(strings.Replace(string(e.file()), "guards: [", "guards: [{operator: {every: 1s, misses: 5}}, ", 1))
	}
	l := newLab(t)
	req := l.request(file(latency()))
	req.Terminal = true
	h := l.spawn(req)
	stop := make(chan struct{})
	var beating sync.WaitGroup
	beating.Go(func() {
		for beat := time.NewTicker(200 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-beat.C:
				h.Beat()
			}
		}
	})
	l.holding(req)
	close(stop)
	beating.Wait()
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Aborted, out.Verdict)
	require.Equal(t, "guard operator: the terminal of whoever started the run has not answered for 5s", out.Reason)
	l.recovered()

	l = newLab(t)
	short := latency()
	short.duration = 5 * time.Second
	out, reports := l.run(l.request(file(short)))
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
	require.Len(t, out.Guards, 1)
	var said []string
	for _, r := range reports {
		said = append(said, r.Text)
	}
	require.Contains(t, said, "the guard on the operator is off: this was not started from a terminal that could be asked")
}
