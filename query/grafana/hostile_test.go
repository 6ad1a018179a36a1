package grafana

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// everything is a dashboard with every key that is read, in its usual type.
func everything(t testing.TB) string {
	t.Helper()
	src, err := os.ReadFile("testdata/everything.json")
	require.NoError(t, err)
	return string(src)
}

// survives: whatever comes out of an import can be written and read back.
func survives(t testing.TB, src []byte) {
	t.Helper()
	results, err := Import("f.json", src, "https://grafana.example.com/g")
	if err != nil {
		return
	}
	for _, r := range results {
		written, err := r.Board.YAML()
		require.NoError(t, err)
		read, err := query.LoadBoard(r.Board.Name+".yaml", written)
		require.NoError(t, err, "%s", written)
		require.Equal(t, r.Board, read, "%s", written)
		_, err = json.Marshal(r.Report)
		require.NoError(t, err)
		require.NotContains(t, string(written), "\x1b")
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(everything(f)))
	f.Add([]byte(`{"dashboard":{"rows":[{"panels":[{"type":"graph","targets":[{"expr":"up"}]}]}]}}`))
	f.Add([]byte(`{"panels":[{"type":"stat","title":"\u0000\u001b[2J","targets":[{"expr":"up","refId":"A"},{"expr":"up","refId":"A"}]}]}`))
	f.Add([]byte("data:\n  a.json: |\n    {\"panels\": [{\"type\": \"text\"}]}\n"))
	f.Fuzz(func(t *testing.T, src []byte) { survives(t, src) })
}

// Every field of a dashboard is of another type, one after the other; the fuzz test
// goes on from here.
func TestAnyFieldMayBeOfAnyType(t *testing.T) {
	others := []any{
		nil, true, "x", "", "$a", "/(/", "1e999", -1.0, 1e308, 0.5,
		[]any{},
		[]any{nil, "x", 5.0},
		map[string]any{},
		map[string]any{"x": []any{}},
		strings.Repeat("é", 40), "a\x00\x1b[2J\u202e\r\n b",
	}
	changed := 0
	for _, whole := range apart(t) {
		each(whole, func(set func(any), was any) {
			set(others[changed%len(others)])
			src, err := json.Marshal(whole)
			require.NoError(t, err)
			survives(t, src)
			changed++
			set(was)
		})
	}
	require.Greater(t, changed, 500)
}

// apart is the dashboard with every key as several, of which each has one panel.
func apart(t *testing.T) (all []map[string]any) {
	read := func() (whole map[string]any) {
		require.NoError(t, json.Unmarshal([]byte(everything(t)), &whole))
		return whole
	}
	alone := func(list string, panel any) {
		all = append(all, map[string]any{"__elements": read()["__elements"], list: []any{panel}})
	}
	whole := read()
	for _, p := range whole["panels"].([]any) {
		if nested, ok := p.(map[string]any)["panels"].([]any); ok {
			for _, kid := range nested {
				alone("panels", kid)
			}
			p.(map[string]any)["panels"] = []any{map[string]any{"type": "text", "title": "a"}}
		}
		alone("panels", p)
	}
	for _, r := range whole["rows"].([]any) {
		for _, p := range r.(map[string]any)["panels"].([]any) {
			alone("rows", map[string]any{"title": "r", "showTitle": true, "panels": []any{p}})
		}
	}
	rest := read()
	delete(rest, "rows")
	rest["panels"] = []any{map[string]any{"type": "stat", "title": "a", "targets": []any{map[string]any{"expr": `up{job="$job"}`}}}}
	return append(all, rest)
}

// each visits every value in v below its top.
func each(v any, visit func(set func(any), was any)) {
	switch t := v.(type) {
	case map[string]any:
		for k, kid := range t {
			visit(func(x any) { t[k] = x }, kid)
			each(kid, visit)
		}
	case []any:
		for i, kid := range t {
			visit(func(x any) { t[i] = x }, kid)
			each(kid, visit)
		}
	}
}

func TestWhatIsNoDashboardIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"nothing":        {" \n", "f.json: the file is empty"},
		"cut off":        {"{\n  \"panels\": [{\"type\": \"st", "f.json:2:25: cannot be read as JSON: unexpected end of JSON input; is the file whole?"},
		"not JSON":       {"{\n\"panels\": x}", "f.json:2:11: cannot be read as JSON: invalid character 'x' looking for beginning of value; is the file whole?"},
		"a page":         {"<!DOCTYPE html>", "f.json: this is HTML, not a dashboard; is it Grafana's login page? Give the exported JSON, or a token"},
		"other JSON":     {`{"a": 1}`, "f.json: no dashboard in it: there are neither panels nor rows"},
		"other YAML":     {"a: 1\n", "f.json: no dashboard in it: give Grafana's JSON, or YAML that holds such JSON under data"},
		"not YAML":       {"a: [\n", "f.json: neither JSON nor YAML that can be read: yaml: line 1: did not find expected node content"},
		"schema v2":      {`{"apiVersion":"dashboard.grafana.app/v2beta1","spec":{"elements":{},"layout":{}}}`, "f.json: " + ErrSchemaV2.Error()},
		"too large":      {strings.Repeat("[", 50<<20), "f.json: the file is larger than 16 MiB; no dashboard is"},
		"nested too far": {`{"panels":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}", "exceeded max depth"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Import("f.json", []byte(c.src), "")
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What is too much for a board is left out, and named.
func TestTooMuchIsNamed(t *testing.T) {
	panel := `{"type":"timeseries","title":"p","targets":[{"expr":"up","refId":"A"}]}`
	r := one(t, `{"title":"many","panels":[`+strings.Repeat(panel+",", 599)+panel+`]}`)
	require.Len(t, r.Board.Panels, maxPanels)
	require.Equal(t, Totals{Panels: 600, Drawn: 500, NotDrawn: 100, PanelsPercent: 100 * 500.0 / 600, Queries: 600, Carried: 500, QueriesPercent: 100 * 500.0 / 600}, r.Report.Totals)
	require.Equal(t, []string{"a board has at most 500 panels"}, r.Report.Panels[599].Notes)

	long := `{"type":"timeseries","title":"p","targets":[{"expr":"` + strings.Repeat("up + ", 1500) + `up"}]}`
	r = one(t, `{"title":"long","panels":[`+strings.Repeat(long+",", 59)+long+`]}`)
	require.Less(t, len(r.Board.Panels), 40)
	require.Equal(t, 60, len(r.Report.Panels))
	require.Equal(t, len(r.Board.Panels), r.Report.Totals.Drawn)
	require.Equal(t, NotDrawn, r.Report.Panels[59].Outcome)
	require.Equal(t, []string{"the board's file would be larger than 256 KiB"}, r.Report.Panels[59].Notes)
	survives(t, []byte(`{"title":"long","panels":[`+strings.Repeat(long+",", 59)+long+`]}`))

	targets := strings.TrimSuffix(strings.Repeat(`{"expr":"up","refId":"A"},`, 70), ",")
	r = one(t, `{"panels":[{"type":"stat","id":1,"targets":[`+targets+`]},{"type":"stat","id":1,"targets":[{"expr":"up"}]}]}`)
	require.Len(t, r.Board.Panels[0].Queries, maxQueries)
	require.False(t, r.Report.Panels[0].Queries[69].Carried)
	require.Len(t, r.Board.Panels, 2, "ids may be given twice")
}

func TestVariablesInARingAreNamed(t *testing.T) {
	v := func(name, of string) string {
		return fmt.Sprintf(`{"name":%q,"type":"query","query":"label_values(x{a=\"$%s\"}, %s)"}`, name, of, name)
	}
	r := one(t, `{"templating":{"list":[`+v("a", "b")+","+v("b", "c")+","+v("c", "a")+","+v("d", "a")+`]},"panels":[{"type":"stat","targets":[{"expr":"x{a=\"$a\"}"}]}]}`)
	require.Contains(t, r.Report.Notes, "the variables a, b, c, d name each other in a ring: none of them can be asked first")
}

// one imports a dashboard that stands alone.
func one(t *testing.T, src string) Result {
	t.Helper()
	results, err := Import("f.json", []byte(src), "")
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0]
}

// A file of two-byte objects is refused before each of them takes hundreds.
func TestACrowdIsNoDashboard(t *testing.T) {
	for name, src := range map[string]string{
		"objects": `{"panels":[` + strings.Repeat("{},", 300_000) + `{}]}`,
		"values":  `{"panels":[` + strings.Repeat("1,", 1_000_001) + `{}]}`,
		"YAML":    "data:\n" + strings.Repeat("- a\n", 1_000_001),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Import("crowd.json", []byte(src), "")
			require.ErrorContains(t, err, "no dashboard does: export the dashboards one by one")
		})
	}
}
