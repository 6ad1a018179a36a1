package alert

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query"
)

// Fingerprints that Alertmanager and Grafana gave; SITREP_CORPUS adds captured
// webhooks where there are some.
func TestFingerprintsOfAlertmanager(t *testing.T) {
	given := map[string]query.Labels{
		"cbf29ce484222325": nil, // no labels: FNV's offset
		"948c667b1fc76492": {"alertname": "HighValue", "instance": "api:8000", "job": "api", "severity": "high"},
		"4e4c4c3d872bf6d8": {"alertname": "Instance Is Down", "host_name": "infra0", "instance": "localhost:9100", "job": "infra0", "priority": "P0"},
		"f404ecabc8dd5cd7": {"alertname": "InstanceDown", "group": "production", "instance": "localhost:8081", "job": "node", "severity": "critical"},
	}
	if dir := os.Getenv("SITREP_CORPUS"); dir != "" {
		known := len(given)
		files, err := filepath.Glob(filepath.Join(dir, "alertmanager", "webhooks-real", "*.json"))
		require.NoError(t, err)
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			var body any
			require.NoError(t, json.Unmarshal(b, &body), f)
			collect(body, given)
		}
		require.Greater(t, len(given), known)
	}
	for want, l := range given {
		require.Equal(t, want, Fingerprint(l), "%v", l)
	}
	require.Equal(t, Fingerprint(nil), Fingerprint(query.Labels{}))
	require.NotEqual(t, Fingerprint(query.Labels{"a": "bc"}), Fingerprint(query.Labels{"ab": "c"}), "names and values are kept apart")
}

// collect finds every alert in a decoded webhook.
func collect(v any, into map[string]query.Labels) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			collect(e, into)
		}
	case map[string]any:
		fp, named := v["fingerprint"].(string)
		labels, labelled := v["labels"].(map[string]any)
		if named && labelled {
			l := query.Labels{}
			for name, value := range labels {
				l[name] = fmt.Sprint(value)
			}
			into[fp] = l
		}
		for _, e := range v {
			collect(e, into)
		}
	}
}

// Fingerprint is FNV-1a over the sorted names and values, each ended by 0xff.
func TestFingerprintIsFNV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := query.Labels(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "labels"))
		names := make([]string, 0, len(l))
		for name := range l {
			names = append(names, name)
		}
		slices.Sort(names)
		h := fnv.New64a()
		for _, name := range names {
			_, _ = io.WriteString(h, name+"\xff"+l[name]+"\xff")
		}
		want := fmt.Sprintf("%016x", h.Sum64())
		if got := Fingerprint(l); got != want {
			t.Fatalf("%v: %s, want %s", l, got, want)
		}
		if again, err := ParseFingerprint(want); err != nil || again != want {
			t.Fatalf("%s parses to %s (%v)", want, again, err)
		}
	})
}

func TestParseFingerprint(t *testing.T) {
	got, err := ParseFingerprint("948C667B1FC76492")
	require.NoError(t, err)
	require.Equal(t, "948c667b1fc76492", got)
	for _, bad := range []string{"", "948c667b1fc7649", "0948c667b1fc76492", "948c667b1fc7649g", "+48c667b1fc76492", "0x8c667b1fc76492", "948c667b_fc76492", "948c667b1fc7649\n"} {
		_, err := ParseFingerprint(bad)
		require.ErrorContains(t, err, "is not an alert fingerprint: it has 16 hexadecimal digits", "%q", bad)
	}
}
