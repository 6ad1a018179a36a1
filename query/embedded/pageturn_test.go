package embedded

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hostileTargets is how many targets send 16 MB each at the same instant.
const hostileTargets = 64

// raced says that the race detector looks on, which takes several times the memory.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// Sixty-four targets send the largest pages there are, all at once: the process that
// scrapes them stays within 300 MB.
func TestHostileTargetsAtOnce(t *testing.T) {
	// not raced: it measures memory
	pages := map[string][]byte{"/many": hostilePage("many"), "/long": hostilePage("long")}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write(pages[r.URL.Path])
	}))
	t.Cleanup(srv.Close)
	for _, kind := range []string{"many", "long"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestScrapingHostileTargets$", "-test.v")
		cmd.Env = append(os.Environ(), "SITREP_HOSTILE="+srv.URL+"/"+kind)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		_, text, found := strings.Cut(string(out), "peak ")
		if !found {
			return // no Linux: nothing to measure by
		}
		text, _, _ = strings.Cut(text, "\n")
		peak, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		t.Logf("%s: %.0f MB at the most", kind, peak/1e6)
		if !raced() {
			require.Less(t, peak, 300e6, kind)
		}
	}
}

func hostilePage(kind string) []byte {
	var b bytes.Buffer
	switch kind {
	case "many": // short samples, each of a series of its own
		for i := 0; b.Len() < 15<<20; i++ {
			fmt.Fprintf(&b, "a{i=\"%d\"} 1\n", i)
		}
	case "long": // few series with long labels
		long := strings.Repeat("x", 60<<10)
		for i := 0; b.Len() < 15<<20; i++ {
			fmt.Fprintf(&b, "a{i=\"%d%s\"} 1\n", i, long)
		}
	}
	return b.Bytes()
}

// TestScrapingHostileTargets is the process that TestHostileTargetsAtOnce measures.
func TestScrapingHostileTargets(t *testing.T) {
	at := os.Getenv("SITREP_HOSTILE")
	n := hostileTargets
	if raced() {
		n = 8
	}
	if at == "" { // by itself it shows that the turns are given back
		page := hostilePage("long")
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = w.Write(page)
		}))
		t.Cleanup(srv.Close)
		at, n = srv.URL, 4
	}
	s, err := New(Config{ScrapeInterval: time.Minute, ScrapeTimeout: time.Minute})
	require.NoError(t, err)
	var targets []Target
	for i := range n {
		targets = append(targets, Target{Job: "j", Instance: fmt.Sprint(i), URL: at})
	}
	s.SetTargets(targets)
	s.Scrape(t.Context(), zero)
	s.cfg.Client.CloseIdleConnections()
	require.Empty(t, s.pages.large)
	require.Empty(t, s.pages.parseLarge)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, err := strconv.ParseFloat(f[1], 64)
			require.NoError(t, err)
			fmt.Printf("peak %v\n", kb*1024)
		}
	}
}
