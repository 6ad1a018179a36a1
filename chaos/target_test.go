package chaos

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func shop(services ...string) []Target {
	var all []Target
	n := map[string]int{}
	for _, s := range services {
		n[s]++
		all = append(all, Target{Name: fmt.Sprintf("%s-%d", s, n[s]), Service: s, Labels: map[string]string{"zone": "a"}})
	}
	return all
}

func TestChoose(t *testing.T) {
	three := shop("pay", "pay", "pay")
	for _, c := range []struct {
		name string
		all  []Target
		sel  Selection
		n    int
		rule string
	}{
		{"one of three", three, Selection{Select: map[string]string{"service": "pay"}, Max: 1, Percent: 100}, 1, ""},
		{"at most two", three, Selection{Select: map[string]string{"service": "pay"}, Max: 2, Percent: 100}, 2, ""},
		{"a share, rounded down", three, Selection{Select: map[string]string{"service": "pay"}, Max: 5, Percent: 67}, 2, ""},
		{"a share that is none", three, Selection{Select: map[string]string{"service": "pay"}, Max: 5, Percent: 33}, 0, "refused R6 blast-radius: 33 % of 3 targets is none; raise targets.percent or set targets.min_one: true"},
		{"but at least one", three, Selection{Select: map[string]string{"service": "pay"}, Max: 5, Percent: 1, MinOne: true}, 1, ""},
		{"all of them", three, Selection{Select: map[string]string{"service": "pay"}, Max: 5, Percent: 100}, 0, "refused R6 blast-radius: it would hurt all 3 targets that match; set targets.max to at most 2"},
		{"the only one there is", shop("pay"), Selection{Select: map[string]string{"service": "pay"}, Max: 5, Percent: 100}, 1, ""},
		{"by name", three, Selection{Select: map[string]string{"name": "pay-2"}, Max: 5, Percent: 100}, 1, ""},
		{"nobody", three, Selection{Select: map[string]string{"service": "cart"}, Max: 1, Percent: 100}, 0, "refused R6 no-target: none of 3 targets matches {service: cart}; check targets.select against what the configuration names"},
		{"a label that nobody has", three, Selection{Select: map[string]string{"env": ""}, Max: 1, Percent: 100}, 0, "refused R6 no-target"},
		{"a whole service among others", append(shop("pay", "pay"), Target{Name: "odd", Service: "pay", Labels: map[string]string{"zone": "b"}}), Selection{Select: map[string]string{"zone": "a"}, Max: 1, Percent: 100}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Choose(c.all, c.sel, 1)
			if c.rule != "" {
				require.ErrorIs(t, err, ErrRefused)
				require.ErrorContains(t, err, c.rule)
				require.Empty(t, got.Chosen)
				return
			}
			require.NoError(t, err)
			require.Len(t, got.Chosen, c.n)
		})
	}
}

// TestBlastRadius: whatever is asked for, nobody else is hurt, nor more than was
// said, nor the last instance of a service that has several; and the same seed
// hurts the same.
func TestBlastRadius(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := shop(rapid.SliceOfN(rapid.SampledFrom([]string{"pay", "cart", "mail"}), 1, 8).Draw(t, "services")...)
		sel := Selection{
			Select: rapid.SampledFrom([]map[string]string{{"zone": "a"}, {"service": "pay"}, {"name": "cart-1"}, {"service": "pay", "zone": "a"}}).Draw(t, "select"),
			Max:    rapid.IntRange(1, maxTargets).Draw(t, "max"), Percent: rapid.Float64Range(0.1, 100).Draw(t, "percent"), MinOne: rapid.Bool().Draw(t, "min one"),
		}
		seed := rapid.Uint64().Draw(t, "seed")
		c, err := Choose(all, sel, seed)
		shuffled := rapid.Permutation(all).Draw(t, "another order")
		again, errAgain := Choose(shuffled, sel, seed)
		require.Equal(t, err, errAgain)
		require.Equal(t, c, again)
		if err != nil {
			require.ErrorIs(t, err, ErrRefused)
			require.Empty(t, c.Chosen)
			return
		}
		require.NotEmpty(t, c.Chosen)
		require.LessOrEqual(t, len(c.Chosen), sel.Max)
		if share := float64(len(c.Matched)) * sel.Percent / 100; !sel.MinOne || share >= 1 {
			require.LessOrEqual(t, float64(len(c.Chosen)), share)
		}
		for _, victim := range c.Chosen {
			require.True(t, victim.Matches(sel.Select))
			spared := func(o Target) bool {
				return o.Service == victim.Service && !slices.ContainsFunc(c.Chosen, func(x Target) bool { return x.Name == o.Name })
			}
			several := slices.ContainsFunc(all, func(o Target) bool { return o.Service == victim.Service && o.Name != victim.Name })
			require.True(t, !several || slices.ContainsFunc(all, spared), "every instance of %s", victim.Service)
		}
	})
}

// TestSeeds draw differently, or a draw would be no draw.
func TestSeeds(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		c, err := Choose(shop("pay", "pay", "pay"), Selection{Select: map[string]string{"service": "pay"}, Max: 1, Percent: 100}, seed)
		require.NoError(t, err)
		seen[c.Chosen[0].Name] = true
	}
	require.Len(t, seen, 3)
}

func TestTargets(t *testing.T) {
	var body any
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}))
	defer srv.Close()

	body = shop("pay", "pay")
	got, err := Targets(t.Context(), srv.URL)
	require.NoError(t, err)
	require.Equal(t, body, got)

	for want, list := range map[string]any{
		`bad name "\x1b[2J"`:         []Target{{Name: "\x1b[2J", Service: "pay"}},
		`entry 0: bad name ""`:       []Target{{Service: "pay"}},
		`pay-1: bad service ""`:      []Target{{Name: "pay-1"}},
		"two targets are named x":    []Target{{Name: "x", Service: "x"}, {Name: "x", Service: "y"}},
		"cannot unmarshal":           "nothing of the kind",
		"cannot unmarshal number -1": []map[string]any{{"name": "x", "start_ticks": -1}},
	} {
		body = list
		_, err := Targets(t.Context(), srv.URL)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "read targets: GET http://127.0.0.1:")
	}
	status = http.StatusInternalServerError
	_, err = Targets(t.Context(), srv.URL)
	require.ErrorContains(t, err, "500 Internal Server Error")
	for _, url := range []string{"http://example.com/targets", "http://10.0.0.1/targets", "file:///etc/passwd", "http://127.0.0.1.example.com/", "\x00"} {
		_, err = Targets(t.Context(), url)
		require.ErrorContains(t, err, "read targets: ", url)
	}
}
