package alert

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query"
)

func TestAlertAsJSON(t *testing.T) {
	a := Alert{
		Name: "HighErrorRate", State: Firing, Labels: query.Labels{"alertname": "HighErrorRate", "job": "api"},
		Annotations: query.Labels{"summary": "5xx"}, ActiveAt: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Value: 0.25, Fingerprint: "00ff",
	}
	for want, v := range map[string]float64{"0.25": 0.25, `"+Inf"`: math.Inf(1), `"-Inf"`: math.Inf(-1), `"NaN"`: math.NaN(), "null": query.Absent()} {
		a.Value = v
		b, err := json.Marshal(a)
		require.NoError(t, err)
		require.JSONEq(t, `{"name":"HighErrorRate","state":"firing","labels":{"alertname":"HighErrorRate","job":"api"},"annotations":{"summary":"5xx"},
			"active_at":"2026-03-01T03:00:00Z","value":`+want+`,"fingerprint":"00ff"}`, string(b))
	}
	for _, bad := range []string{`[]`, `{"value":"much"}`, `{"value":true}`, `{"active_at":"now"}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &a), bad)
	}
}

func TestAlertSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-zé\n<]{0,5}`)
		a := Alert{
			Name: word.Draw(t, "name"), State: Pending, Labels: query.Labels{"a": word.Draw(t, "a")}, Annotations: query.Labels{},
			ActiveAt:    time.Unix(0, rapid.Int64Range(0, 2e18).Draw(t, "active")).UTC(),
			Value:       rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.Inf(1), math.Inf(-1), query.Absent()})).Draw(t, "value"),
			Fingerprint: word.Draw(t, "fingerprint"),
		}
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var got Alert
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if math.Float64bits(got.Value) != math.Float64bits(a.Value) && !(math.IsNaN(a.Value) && math.IsNaN(got.Value)) || query.IsAbsent(a.Value) != query.IsAbsent(got.Value) {
			t.Fatalf("%v became %v", a.Value, got.Value)
		}
		a.Value, got.Value = 0, 0
		require.Equal(t, a, got)
	})
}
