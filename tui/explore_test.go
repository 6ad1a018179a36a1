package tui

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// words answers what a line of PromQL asks, as a small server would.
func words(o pane.Order) (pane.Receipt, error) {
	at := time.Date(2026, 11, 25, 3, 12, 0, 0, time.UTC)
	switch o := o.(type) {
	case pane.Suggest:
		switch o.At.Want {
		case query.WantLabel:
			return pane.Receipt{Words: []query.Suggestion{{Text: "code", Insert: "code", Kind: "label"}, {Text: "job", Insert: "job", Kind: "label"}}}, nil
		case query.WantValue:
			return pane.Receipt{}, errors.New("the server does not answer")
		case query.WantExpression:
			return pane.Receipt{Words: []query.Suggestion{
				{Text: "http_requests_total", Insert: "http_requests_total", Kind: "counter", Help: "Requests \x1b[2J answered."},
				{Text: "http_requests_in_flight", Insert: "http_requests_in_flight", Kind: "gauge", Help: "Requests being answered."},
			}}, nil
		}
	case pane.Find:
		f := &query.Findings{Question: o.Question, Sent: o.Question.Expr, At: at, Took: 3 * time.Millisecond}
		series := []query.Labels{{"code": "200", "job": "shop"}, {"code": "500\x1b]0;x\a", "job": "shop"}}
		for i, l := range series {
			f.Samples = append(f.Samples, query.Sample{Labels: l, Value: float64(25 * (i + 1)), At: at})
		}
		if o.Question.Span > 0 {
			f.Samples = nil
			g := o.Question.Grid(at)
			f.Frame = query.Frame{Grid: g}
			for i, l := range series {
				values := make([]float64, g.N)
				for j := range values {
					values[j] = float64((i + 1) * j)
				}
				f.Frame.Series = append(f.Frame.Series, query.Series{Labels: l, Legend: l["code"], Values: values})
			}
		}
		return pane.Receipt{Found: f}, nil
	case pane.Explain:
		return pane.Receipt{Parts: []query.Part{
			{What: "sum by (code)", Expr: o.Question.Expr, Type: "instant-vector", Asked: true, Series: 0, Took: 2 * time.Millisecond},
			{What: "selector over 5m", Depth: 1, Expr: "http_requests_total[5m]", Type: "range-vector", Asked: true, Series: 25},
			{What: "selector", Depth: 1, Expr: "gone", Type: "instant-vector", Asked: true, Err: errors.New("too many samples")},
		}}, nil
	case pane.FindLinks:
		return pane.Receipt{Links: []pane.FilledLink{{Title: "Logs", URL: "https://logs.example.com/?s=checkout"}, {Title: "Trace", URL: "https://tempo.example.com/t/1"}}}, nil
	}
	return pane.Receipt{}, nil
}

func exploring(t *testing.T, story func(p *player)) {
	play(t, 80, 24, func(p *player) {
		p.desk.answer = words
		p.world(func(w *pane.World) { w.Asked, w.Server = []string{"up", "rate(x[5m])"}, "http://127.0.0.1:9090" })
		p.press("2", "p")
		story(p)
	})
}

func TestALineOfPromQLIsCompletedAndAsked(t *testing.T) {
	exploring(t, func(p *player) {
		p.sees("PromQL", "Names, labels and values come from the server while you type.")
		p.typed("sum by (")
		p.sees("code", "label")
		p.press("tab", "tab", "shift+tab")
		p.sees("> sum by (code")
		p.typed(") (rate(http")
		p.sees("http_requests_total", "counter", "Requests ␛[2J answered.", "rate(range-vector) instant-vector")
		p.press("tab")
		p.typed("[5m]))")
		p.press("enter")
		p.sees("> sum by (code) (rate(http_requests_total[5m]))", "2 series in 3 ms", "● 200", "500␛]0;x")
		require.Equal(t, "sum by (code) (rate(http_requests_total[5m]))", p.m.exploring.Found().Question.Expr)
		p.press("ctrl+t")
		p.sees("values  now", "200", "25", "50")
		p.press("ctrl+t")
		p.sees("table  now", "all: job=shop", "code")
		p.press("ctrl+g")
		p.sees("parts  now", "sum by (code)", "no series", "25 series", "too many samples")
		p.press("ctrl+t")
		p.sees("table  now")
	})
}

// What cannot be read is said at every key, and never sent.
func TestAFaultIsShownBeforeAnythingIsSent(t *testing.T) {
	exploring(t, func(p *player) {
		p.typed("sum(rate(up)) + ")
		p.desk.taken()
		p.press("enter")
		p.sees("character")
		for _, o := range p.desk.taken() {
			_, asked := o.(pane.Find)
			require.False(t, asked)
		}
		p.press("ctrl+u")
		p.typed("rate(up)")
		p.press("enter")
		p.sees("expected type range vector")
		p.press("ctrl+u")
		p.typed("a{x=\"1\"} / a{x=\"2\"}")
		p.sees("self-ratio: every series of a is divided by itself")
		p.press("ctrl+u")
		p.typed("up{job=\"")
		p.sees("no words of the server: the server does not answer")
	})
}

func TestALineOfPromQLIsLeftAndFoundAgain(t *testing.T) {
	exploring(t, func(p *player) {
		p.press("ctrl+y")
		p.sees("the line is empty: there is nothing to take apart, copy or pin")
		p.seesNot("pin to the board")
		p.press("up")
		p.sees("> rate(x[5m])")
		p.press("up", "down", "down")
		p.typed("vector(1)")
		p.press("esc")
		p.seesNot("PromQL  chart")
		p.press("p")
		p.sees("> vector(1)")
		p.press("ctrl+r", "c")
		p.sees("chart  1h")
		p.press("ctrl+y", "p")
		require.Contains(t, p.others, tea.SetClipboard("vector(1)")())
		p.press("ctrl+y", "l")
		p.sees("PromQL", "sent to the terminal's clipboard")
		p.press("ctrl+y", "b")
		p.typed("one")
		p.desk.taken()
		p.press("enter")
		require.Contains(t, p.desk.taken(), pane.Order(pane.Pin{Title: "one", Expr: "vector(1)"}))
		p.sees("> vector(1)")
		p.send(tea.PasteMsg{Content: " + 1"})
		p.sees("> vector(1) + 1")
	})
	play(t, 80, 24, func(p *player) {
		p.desk.answer = words
		p.press(":")
		p.typed("promql up")
		p.press("enter")
		p.sees("> up", "2 series in 3 ms")
	})
}

// An answer that is not to the last question changes nothing.
func TestLateAnswersAreDropped(t *testing.T) {
	exploring(t, func(p *player) {
		p.typed("up")
		p.press("enter")
		found := p.m.exploring.Found()
		p.send(doneMsg{order: pane.Find{Turn: 0}, receipt: pane.Receipt{Found: &query.Findings{}}})
		require.Same(t, found, p.m.exploring.Found())
		p.send(doneMsg{order: pane.Find{Turn: 1}, err: errors.New("prometheus http://x: it says \x1b[2Jno")})
		p.sees("it says ␛[2Jno")
	})
}

// o at the crosshair is about what it points at; several addresses are a picker.
func TestLinksLeadFromTheCrosshair(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.desk.answer = words
		p.press("2", "h", "h")
		p.desk.taken()
		p.press("o")
		orders := p.desk.taken()
		require.Len(t, orders, 1)
		place := orders[0].(pane.FindLinks).Place
		require.False(t, place.At.IsZero())
		require.Equal(t, "checkout", place.Service)
		require.Equal(t, "INC-204", place.Incident)
		require.Equal(t, query.Labels{"region": "eu"}, place.Labels)
		p.sees("Logs", "Trace", "https://logs.example.com/?s=checkout")
		p.press("enter")
		p.sees("https://logs.example.com/?s=checkout") // no display, no browser: it is shown and copied
		require.Contains(t, p.others, tea.SetClipboard("https://logs.example.com/?s=checkout")())
		require.Contains(t, p.m.View().Content, "\x1b]8;;https://logs.example.com/?s=checkout\x1b\\https://logs.example.com/?s=checkout\x1b]8;;\x1b\\")
		fits(t, p.m.View().Content, 80, 24)

		p.press("esc")
		p.desk.answer = func(pane.Order) (pane.Receipt, error) { return pane.Receipt{}, errors.New("no link leads from here") }
		p.press("o")
		p.sees("https://runbooks.example.com/CheckoutErrorRatio")
	})
}

func TestTheBoardIsKeptByHand(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.press("2")
		p.desk.taken()
		p.press("K")
		orders := p.desk.taken()
		require.Len(t, orders, 1)
		kept := orders[0].(pane.KeepBoard)
		require.Equal(t, "INC-204", kept.Incident)
		require.Len(t, kept.Snapshot.Panels, 12)
		p.press(":")
		p.typed("snapshot because it got worse")
		p.press("enter")
		require.Equal(t, "it got worse", p.desk.taken()[0].(pane.KeepBoard).Text)
		p.press("y")
		p.sees("CSV     every value, to a file", "PNG     a picture, to a file")
		p.press("down", "down", "down", "down", "enter")
		p.sees("Write 5xx ratio to", "5xx-ratio-")
		p.press("enter")
		file := p.desk.taken()[0].(pane.ExportPanel)
		require.Equal(t, "5xx ratio", file.Panel)
		require.Regexp(t, `^5xx-ratio-\d{8}-\d{4}\.csv$`, file.Path)
	})
}

// The pictures of it, to be read by people.
func TestPicturesOfExplore(t *testing.T) {
	for name, story := range map[string]func(p *player){
		"words":  func(p *player) { p.typed("sum by (code) (rate(http") },
		"fault":  func(p *player) { p.typed("sum by (code) (rate(http_requests_total))"); p.press("enter") },
		"chart":  func(p *player) { p.typed("sum by (code) (rate(http_requests_total[5m]))"); p.press("enter") },
		"table":  func(p *player) { p.press("ctrl+t", "ctrl+t"); p.typed("http_requests_total"); p.press("enter") },
		"parts":  func(p *player) { p.typed("sum by (code) (rate(http_requests_total[5m]))"); p.press("ctrl+g") },
		"folded": func(p *player) { p.typed(strings.Repeat("http_requests_total + ", 9)); p.press("enter") },
	} {
		for _, size := range [][2]int{{80, 24}, {120, 40}} {
			t.Run(fmt.Sprintf("%s_%dx%d", name, size[0], size[1]), func(t *testing.T) {
				var got string
				play(t, size[0], size[1], func(p *player) {
					p.desk.answer = words
					p.press("2", "p")
					story(p)
					fits(t, p.m.View().Content, size[0], size[1])
					got = body(p.screen())
				})
				file := filepath.Join("testdata", fmt.Sprintf("explore_%s_%dx%d.txt", name, size[0], size[1]))
				if *update {
					require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err, "go test ./tui -update writes it")
				require.Equal(t, string(want), got)
			})
		}
	}
}

// body is a picture without the header, whose clock goes on.
func body(screen string) string {
	rows := strings.SplitAfter(screen, "\n")
	return strings.Join(rows[3:], "")
}
