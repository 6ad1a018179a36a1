package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// A query that names a variable without a value would ask for something else: it is
// not sent, by board check neither.
func TestBoardCheckSendsNothingHalfMade(t *testing.T) {
	t.Parallel()
	address, asked := labelled(t)
	dir := t.TempDir()
	board := filepath.Join(dir, "ring.yaml")
	require.NoError(t, os.WriteFile(board, []byte(`variables:
  - {name: a, query: 'label_values(x{b="$b"}, a)'}
  - {name: b, query: 'label_values(x{a="$a"}, b)'}
panels:
  - {title: ring, promql: 'x{a="$a"}'}
  - {title: free, promql: up}
`), 0o600))
	client, err := query.NewClient(query.Config{URL: address})
	require.NoError(t, err)
	b, err := loadFile(board, query.LoadBoard)
	require.NoError(t, err)
	got := askBoard(t.Context(), map[string]*query.Client{"": client}, &b, time.Now(), func(string, string) error { return nil })
	require.Equal(t, []string{"up"}, asked())
	require.Equal(t, 1, got.OK)
	require.Equal(t, 1, got.Failing)
	require.Contains(t, got.Queries[0].Error, "name each other in a ring")
}

// The address of a dashboard may hold a token: it stands in no message, and whoever it
// is redirected to does not hear it.
func TestADashboardsAddressIsNotTold(t *testing.T) {
	t.Parallel()
	var heard http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard = r.Header
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(other.Close)
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
	}))
	none := filepath.Join(t.TempDir(), "none.yaml")
	require.NoError(t, os.WriteFile(none, []byte("ui: {theme: auto}\n"), 0o600))
	for range 2 {
		var out, stderr bytes.Buffer
		require.NotZero(t, run([]string{"board", "import-grafana", first.URL + "/x.json?token=hush", "--config", none}, os.Stdin, &out, &stderr))
		require.NotContains(t, stderr.String()+out.String(), "hush")
		require.NotContains(t, heard, "Referer")
		first.Close() // and when it does not answer
	}
}
