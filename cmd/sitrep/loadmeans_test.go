package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// A guard on an objective asks for the error ratio over its window, and tells how many
// times the budget that is.
func TestBurnOfAnObjective(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/query" {
			asked = r.FormValue("query")
		}
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%d,"0.0144"]}]}}`, time.Now().Unix())
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"sitrep.yaml":       "prometheus: {url: " + s.URL + "}\nslos: [orders.yaml]\n",
		"orders.yaml":       "name: orders\nobjective: 99.9\nwindow: 30d\nsli: {events: {bad: 'bad_total', total: 'all_total'}}\n",
		"secret of the api": "hunter2\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	a := &app{flags: globals{config: filepath.Join(dir, "sitrep.yaml")}, stdout: io.Discard, stderr: io.Discard}
	m, closeAll := a.loadMeans()
	defer closeAll()
	v, ok, err := m.Prober.Burn(t.Context(), "orders", 5*time.Minute, time.Now())
	require.NoError(t, err)
	require.True(t, ok)
	require.InDelta(t, 14.4, v, 1e-9)
	require.Contains(t, asked, "bad_total[300s]")
	_, _, err = m.Prober.Burn(t.Context(), "nothing", 5*time.Minute, time.Now())
	require.ErrorContains(t, err, `there is no objective "nothing"`)

	got, err := m.Reveal(t.Context(), dir, loadtest.Secret("file:secret of the api"))
	require.NoError(t, err)
	require.Equal(t, "hunter2", got)
}

// What is typed becomes factors; other keys are for nobody, and the end of the run ends it.
func TestKeysChangeTheRate(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	keys := &operatorWatch{tty: r, done: make(chan struct{})}
	factors := make(chan float64)
	keys.work.Go(func() { keys.rates(factors) })
	_, err = w.WriteString("x+-\x1b=")
	require.NoError(t, err)
	require.InDelta(t, 1.1, <-factors, 1e-9)
	require.InDelta(t, 1/1.1, <-factors, 1e-9)
	require.InDelta(t, 1.1, <-factors, 1e-9)
	_, err = w.WriteString("+")
	require.NoError(t, err)
	close(keys.done) // nobody takes the factor
	require.NoError(t, w.Close())
	keys.work.Wait()
	require.NoError(t, r.Close())
}
