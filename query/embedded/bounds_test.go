package embedded

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
)

// scraped is a server that has scraped one page once, and what it says of the target.
func scraped(t *testing.T, cfg Config, page string, how Options) (*Server, targetStatus) {
	t.Helper()
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprint(w, page)
	}))
	t.Cleanup(at.Close)
	s, err := New(cfg)
	require.NoError(t, err)
	s.SetTargets([]Target{{Job: "j", URL: at.URL, Options: how}})
	s.Scrape(t.Context(), zero)
	return s, *s.active()[0].status.Load()
}

func TestAPageOfMillionsIsRefused(t *testing.T) {
	_, got := scraped(t, Config{}, strings.Repeat("a 1\n", mostPage+1), Options{})
	require.False(t, got.up)
	require.Equal(t, "more than 500000 samples on one page: is it one of metrics? A federation is asked with a narrower match[]", got.err)
}

func TestLabelsWithoutAnEndAreLeftOut(t *testing.T) {
	many := make([]string, mostLabels+1)
	for i := range many {
		many[i] = fmt.Sprintf(`l%d="x"`, i)
	}
	page := `a{x="` + strings.Repeat("y", mostText) + "\"} 1\nb{" + strings.Join(many, ",") + "} 1\nc 1\n"
	s, got := scraped(t, Config{}, page, Options{})
	require.True(t, got.up, "the rest is taken")
	require.Equal(t, "2 series were left out: more than 512 labels or 64 KiB of them", got.err)
	require.NotNil(t, s.store.find(labels.FromStrings("__name__", "c", "job", "j")))
}

// The limit of series is one of memory: of long ones fewer are kept, and when they are
// forgotten there is room again.
func TestLongLabelsCountAgainstTheLimit(t *testing.T) {
	var page strings.Builder
	for i := range 100 {
		fmt.Fprintf(&page, "a{x=\"%d%s\"} 1\n", i, strings.Repeat("y", 60<<10))
	}
	s, got := scraped(t, Config{MaxSeries: 1000}, page.String(), Options{})
	require.Contains(t, got.err, "new series refused: the server holds its limit of 1000 series or 500 KiB of labels")
	require.LessOrEqual(t, s.store.text, 1000*usualText+mostText)
	s.store.expire(zero.Add(24 * time.Hour).UnixMilli())
	require.Zero(t, s.store.text)
}

func TestRelabelingThatDoublesEnds(t *testing.T) {
	var rules strings.Builder
	for range 60 {
		rules.WriteString("      - {source_labels: [x], regex: (.*), target_label: x, replacement: $1$1}\n")
	}
	for name, rule := range map[string]string{
		"values": rules.String(),
		"names":  strings.Repeat("      - {regex: (.*), action: labelmap, replacement: $1$1}\n", 60),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ReadFile("p.yml", "/", []byte("scrape_configs:\n  - job_name: j\n    metric_relabel_configs:\n"+rule))
			require.NoError(t, err)
			_, got := scraped(t, Config{}, "a{x=\"long enough\"} 1\n", f.Jobs[0].Options)
			require.True(t, got.up)
			require.Contains(t, got.err, "1 series were left out")
			f, err = ReadFile("p.yml", "/", []byte("scrape_configs:\n  - job_name: j\n    static_configs: [{targets: ['h:1'], labels: {x: yes}}]\n    relabel_configs:\n"+rule))
			require.NoError(t, err)
			_, faults := f.Jobs[0].Targets(f.Jobs[0].Static)
			require.Len(t, faults, 1)
			require.ErrorIs(t, faults[0], errGrown)
		})
	}
	_, err := ReadFile("p.yml", "/", []byte("scrape_configs:\n  - job_name: j\n    relabel_configs:\n      - {target_label: x, replacement: "+strings.Repeat("$1", 1000)+"}\n"))
	require.EqualError(t, err, "p.yml:4:9: a replacement has at most 64 places to fill in")
}

// A redirect to another host gets nothing: neither what lets us in, nor in a Referer
// the token of an address.
func TestARedirectTakesNoSecretAlong(t *testing.T) {
	var mu sync.Mutex
	var heard []http.Header
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, r.Header)
	}))
	t.Cleanup(thief.Close)
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)+"/metrics", http.StatusFound)
	}))
	t.Cleanup(at.Close)
	word := func() (string, error) { return "hush", nil }
	in, err := Auth{Bearer: word, Headers: map[string]string{"X-Key": "hush"}}.Client()
	require.NoError(t, err)
	s, err := New(Config{})
	require.NoError(t, err)
	s.SetTargets([]Target{{Job: "a", URL: at.URL + "/metrics?token=hush"}, {Job: "b", URL: at.URL + "/b?token=hush", Options: Options{Client: in}}})
	s.Scrape(t.Context(), zero)
	require.Len(t, heard, 2)
	require.NotContains(t, fmt.Sprint(heard), "hush")
}

func TestARingOfRedirectsIsSaid(t *testing.T) {
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }))
	t.Cleanup(at.Close)
	s, err := New(Config{})
	require.NoError(t, err)
	s.SetTargets([]Target{{Job: "a", URL: at.URL}})
	s.Scrape(t.Context(), zero)
	require.Contains(t, s.active()[0].status.Load().err, "it redirects in a ring: is the address right?")
}

// A server may say that it scrapes every 290 years; the next scrape lies ahead all
// the same, or it would be now, for ever.
func TestTheNextScrapeLiesAhead(t *testing.T) {
	s, err := New(Config{Spread: true})
	require.NoError(t, err)
	for i := range 200 {
		target := newTarget(Target{URL: fmt.Sprint(i), Options: Options{Interval: 290 * 365 * 24 * time.Hour}})
		require.True(t, s.following(target, zero).After(zero))
	}
}

func TestSizesThatNoNumberHolds(t *testing.T) {
	for text, want := range map[string]int64{"10MB": 10 << 20, "1T": 1 << 40, "9000000T": 0, "9223372036854775807KB": 0, "-1B": 0} {
		size, ok := byteSize(text)
		require.Equal(t, want > 0, ok, text)
		require.Equal(t, want, size, text)
	}
}

func TestHelpIsCut(t *testing.T) {
	s, _ := scraped(t, Config{}, "# HELP a "+strings.Repeat("é", mostHelp)+"\n# HELP "+strings.Repeat("n", mostName+1)+" x\na 1\n", Options{})
	all := s.meta.all("")
	require.Len(t, all, 1)
	require.LessOrEqual(t, len(all["a"][0].Help), mostHelp+len("…"))
}

// A small capsule that says it holds a lot is refused before that takes its room.
func TestACapsuleThatSwells(t *testing.T) {
	capsule := func(parts ...[]byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(append([]byte(capsuleMagic), bytes.Join(parts, nil)...))
		require.NoError(t, err)
		require.NoError(t, z.Close())
		return b.Bytes()
	}
	number := func(n uint64) []byte { return binary.AppendUvarint(nil, n) }
	for name, body := range map[string][]byte{
		"texts":  capsule(number(mostTexts+1), make([]byte, mostTexts+1)),
		"labels": capsule(number(1), []byte("\x01a"), number(1), number(1_000_000), make([]byte, 2_000_000)),
		"nothing": capsule(number(1), []byte("\x01a"), number(1), number(1), []byte{0, 0}, number(1),
			binary.AppendVarint(nil, -1<<63), binary.AppendVarint(nil, 1<<62), []byte("\x02\x00\x00")),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(body)
			require.ErrorIs(t, err, errCapsule)
		})
	}
}
