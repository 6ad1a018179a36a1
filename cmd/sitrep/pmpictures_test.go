package main

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
)

// drawnNight is INC-1 in a store of its own: an hour with so many notes, resolved, with
// so many panels kept at its end. No server is there.
func drawnNight(t testing.TB, panels, notes int, words string) *store.DB {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	start := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	desk := incident.NewDesk(db)
	by := func(after time.Duration) incident.By {
		return incident.By{Actor: "ana", Source: "test", At: start.Add(after)}
	}
	inc, err := desk.Declare(ctx, by(0), "", incident.Declaration{Title: "Checkout " + words, Severity: incident.Sev1, Service: "checkout"})
	require.NoError(t, err)
	_, err = desk.Acknowledge(ctx, by(2*time.Minute), inc.ID)
	require.NoError(t, err)
	var events []incident.Event
	for i := range notes {
		after := 3*time.Minute + time.Duration(i)*50*time.Minute/time.Duration(notes)
		events = append(events, incident.Event{
			Incident: inc.ID, At: start.Add(after), Kind: incident.NoteAdded, Actor: "ana", Source: "test", Text: fmt.Sprintf("looked at pod %d %s", i, words),
		})
	}
	_, err = db.Append(ctx, events...)
	require.NoError(t, err)
	_, err = desk.Did(ctx, by(55*time.Minute), inc.ID, incident.Action{Text: "rolled back " + words, Mitigates: true})
	require.NoError(t, err)
	_, err = desk.Resolve(ctx, by(time.Hour), inc.ID, "rolled back")
	require.NoError(t, err)

	board := query.Board{Name: "shop", Range: time.Hour, Refresh: time.Second}
	for i := range panels {
		expr := fmt.Sprintf("errors_%d", i)
		board.Panels = append(board.Panels, query.Panel{
			Title: fmt.Sprintf("errors %d %s", i, words), Type: query.TimeSeries, Queries: []query.Query{{Expr: expr}}, Signal: i%2 == 1,
			Field: query.Field{Unit: "reqps", Thresholds: []query.Threshold{{Value: 50, State: query.Crit}}},
		})
	}
	c := &capturer{
		log: db, boards: []query.Board{board}, source: &remembering{}, name: "http://prometheus.test:9090",
		impact: map[string]serviceConfig{"checkout": {impactConfig{Users: "users_affected", Money: "price", Currency: "EUR"}}},
		scrape: func(context.Context) time.Duration { return 0 }, kept: func(context.Context, incident.ID) {},
	}
	timeline, err := db.Timeline(ctx, inc.ID)
	require.NoError(t, err)
	for _, m := range missing(timeline) {
		if panels == 0 || m.Kind != incident.Resolved {
			continue
		}
		s, err := c.shoot(ctx, m, by(61*time.Minute).At)
		require.NoError(t, err)
		require.NoError(t, c.keep(ctx, m, s, by(61*time.Minute).At))
	}
	_, err = refreshDraft(ctx, db, inc.ID, by(2*time.Hour))
	require.NoError(t, err)
	return db
}

// exporting is a command without a configuration, of which nobody hears.
func exporting() *app { return &app{stderr: io.Discard, cfg: &config{}} }

// exportedPage is the HTML of INC-1.
func exportedPage(t testing.TB, db *store.DB) []byte {
	t.Helper()
	s, err := db.Postmortems().Load(context.Background(), "INC-1")
	require.NoError(t, err)
	page, _, err := exporting().exported(context.Background(), db, s, export{format: "html", pictures: "svg"})
	require.NoError(t, err)
	return page
}

func TestPicturesComeFromWhatWasKept(t *testing.T) {
	db := drawnNight(t, 3, 4, "<b>&")
	g, err := gallery(t.Context(), db, "INC-1", time.Now())
	require.NoError(t, err)
	require.Len(t, g.Charts, 5, "those of the impact are signals")
	require.Equal(t, "errors 1 <b>&", g.Charts[0].Chart.Title, "signals first")
	require.Equal(t, []string{"errors_1"}, g.Charts[0].Queries)
	s, err := db.Postmortems().Load(t.Context(), "INC-1")
	require.NoError(t, err)
	require.Contains(t, s.Markdown(), "Number of users: at most 59 at 02:59:00 (`users_affected`, range 02:00:00 to 04:00:00, step 30s, from `http://prometheus.test:9090`).")
	require.Contains(t, s.Markdown(), "At most 59 EUR at 02:59:00 (`price`, range 02:00:00 to 04:00:00, step 30s, from `http://prometheus.test:9090`) for each failed request")
	var told []string
	for _, m := range g.Marks {
		told = append(told, fmt.Sprintf("%d %s %s", m.Number, m.At.Format("15:04"), m.Text))
	}
	require.Equal(t, []string{
		"1 03:00 incident declared: SEV-1 Checkout <b>&", "2 03:02 incident acknowledged: ana acknowledged", "3 03:03 note added: looked at pod 0 <b>&",
		"4 03:15 note added: looked at pod 1 <b>&", "5 03:28 note added: looked at pod 2 <b>&", "6 03:40 note added: looked at pod 3 <b>&",
		"7 03:55 action taken: rolled back <b>&", "8 04:00 incident resolved: rolled back",
	}, told)
	page := string(exportedPage(t, db))
	require.Equal(t, 5, strings.Count(page, "<svg "))
	for _, said := range []string{
		`<section id="_charts">`, `href="#_charts"`, "errors 1 &lt;b&gt;&amp;: 2026-11-24 02:00:00 to 04:00:00 UTC, step 30s, from http://prometheus.test:9090, kept when it was resolved.",
		"<code>errors_1</code>", `<li value="8">04:00:00 incident resolved: rolled back</li>`, "threshold 50.0 req/s",
	} {
		require.Contains(t, page, said)
	}

	out := filepath.Join(t.TempDir(), "the outage.md")
	for _, form := range []string{"svg", "png"} {
		text, drawn, err := exporting().exported(t.Context(), db, s, export{format: "md", out: out, pictures: form, toFile: true})
		require.NoError(t, err)
		require.Equal(t, 5, drawn)
		require.Contains(t, string(text), "### Charts\n")
		require.Contains(t, string(text), "(the%20outage.pictures/01-errors-1-b."+form+")")
		require.Contains(t, string(text), "8. 04:00:00 incident resolved: rolled back")
		body, err := os.ReadFile(filepath.Join(filepath.Dir(out), "the outage.pictures", "05-errors-2-b."+form))
		require.NoError(t, err)
		if form == "png" {
			img, err := png.Decode(bytes.NewReader(body))
			require.NoError(t, err)
			require.Equal(t, 720, img.Bounds().Dx())
		} else {
			require.True(t, bytes.HasPrefix(body, []byte("<svg ")))
			require.Contains(t, string(body), "prefers-color-scheme: dark")
		}
	}
	text, drawn, err := exporting().exported(t.Context(), db, s, export{format: "md", pictures: "svg"})
	require.NoError(t, err)
	require.Equal(t, []any{s.Markdown(), 0}, []any{string(text), drawn}, "standard output has no files beside it")

	text, drawn, err = exporting().exported(t.Context(), db, s, export{format: "html", pictures: "svg", redact: true})
	require.NoError(t, err)
	require.Zero(t, drawn)
	require.NotContains(t, string(text), "<svg ", "labels and legends are not redacted")

	bare := drawnNight(t, 0, 1, "")
	g, err = gallery(t.Context(), bare, "INC-1", time.Now())
	require.NoError(t, err)
	require.Empty(t, g.Charts)
	require.NotContains(t, string(exportedPage(t, bare)), "<svg ")
}

// A capture that reaches back to before the declaration shows all; where it does not,
// the first one shows how it began.
func TestWhichMomentsAreDrawn(t *testing.T) {
	began := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	moments := []incident.Moment{
		{Event: "a", What: "declared", Declared: began}, {Event: "b", What: "escalated", Declared: began}, {Event: "c", What: "resolved", Declared: began},
	}
	of := func(from time.Time) incident.Capture {
		return incident.Capture{Boards: []incident.CapturedBoard{{Name: "shop", From: from}}}
	}
	names := func(kept map[string]incident.Capture) (out string) {
		for _, m := range pictured(append([]incident.Moment(nil), moments...), kept) {
			out += m.Event
		}
		return out
	}
	require.Equal(t, "", names(nil))
	require.Equal(t, "c", names(map[string]incident.Capture{"a": of(began.Add(-time.Hour)), "c": of(began.Add(-time.Hour))}))
	require.Equal(t, "ac", names(map[string]incident.Capture{"a": of(began.Add(-time.Hour)), "c": of(began.Add(time.Hour))}))
	require.Equal(t, "b", names(map[string]incident.Capture{"b": of(began.Add(time.Minute))}))
}

// browser runs Chromium on a page.
func browser(t *testing.T, page string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("chromium")
	require.NoError(t, err, "chromium is missing: run make setup")
	// Without its sandbox, which root may not have: the page is ours, on this host.
	cmd := exec.Command(path, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--hide-scrollbars", "--user-data-dir=" + t.TempDir(), "--window-size=1200,1600",
	}, append(args, "file://"+page)...)...)
	out, err := cmd.Output()
	require.NoError(t, err)
	return out
}

// The page in a real browser: nothing runs, nobody is asked for anything, dark screens
// are dark and paper has pages.
func TestThePageInABrowser(t *testing.T) {
	var asked atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer trap.Close()
	hostile := fmt.Sprintf(`<script>document.title="owned"</script><img src="%s/a.png" onerror="document.title='owned'">`, trap.URL)
	db := drawnNight(t, 2, 3, hostile)
	s, err := db.Postmortems().Load(t.Context(), "INC-1")
	require.NoError(t, err)
	form := strings.Replace(s.EditForm(), "## Lessons Learned", fmt.Sprintf("## Lessons Learned\n%s\n\n![x](%s/b.png) <svg onload=\"document.title='owned'\"><image href=\"%s/c.png\"/></svg>\n\n<link rel=stylesheet href=%s/d.css>\n",
		hostile, trap.URL, trap.URL, trap.URL), 1)
	_, err = postmortem.Keep(t.Context(), db.Postmortems(), s, form, incident.By{Actor: "ana", At: time.Now()})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(file, exportedPage(t, db), 0o600))

	dom := string(browser(t, file, "--dump-dom"))
	require.NotRegexp(t, `<title>[^<]*owned"?</title>`, dom)
	require.Contains(t, dom, `<section id="lessons-learned">`)
	require.Equal(t, 4, strings.Count(dom, `class="chart"`), "two of its own, and those of the impact")
	shot := filepath.Join(t.TempDir(), "dark.png")
	browser(t, file, "--blink-settings=preferredColorScheme=0", "--screenshot="+shot)
	body, err := os.ReadFile(shot)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(body))
	require.NoError(t, err)
	r, g, b, _ := img.At(2, 2).RGBA()
	require.Equal(t, [3]uint32{0x14, 0x18, 0x1c}, [3]uint32{r >> 8, g >> 8, b >> 8})
	pdf := filepath.Join(t.TempDir(), "page.pdf")
	browser(t, file, "--print-to-pdf="+pdf)
	body, err = os.ReadFile(pdf)
	require.NoError(t, err)
	require.Regexp(t, `(?s)^%PDF.*/Type ?/Page\b`, string(body))
	require.Zero(t, asked.Load(), "opening the page asks nobody for anything")
}
