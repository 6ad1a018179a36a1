package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

func TestDeclareFindsTheAlertThatIsMeant(t *testing.T) {
	t.Parallel()
	of := func(state, job, code string) alert.Alert {
		return alert.Alert{Name: "HighErrorRate", State: state, Labels: query.Labels{"alertname": "HighErrorRate", "job": job, "code": code}, Fingerprint: job + code}
	}
	list := []alert.Alert{of(alert.Firing, "checkout", "500"), of(alert.Firing, "checkout", "503"), of(alert.Firing, "storefront", "500"), of(alert.Pending, "payments", "500")}
	for _, c := range []struct {
		name, alert, service string
		labels               map[string]string
		found, err           string
	}{
		{"by its service", "HighErrorRate", "storefront", nil, "storefront500", ""},
		{"by a label", "HighErrorRate", "checkout", map[string]string{"code": "503"}, "checkout503", ""},
		{"several", "HighErrorRate", "checkout", nil, "", "fires more than once; say which:\n  --service checkout ({alertname=\"HighErrorRate\", code=\"500\", job=\"checkout\"})"},
		{"pending is not firing", "HighErrorRate", "payments", nil, "", `no alert "HighErrorRate" fires`},
		{"a label that it has not", "HighErrorRate", "storefront", map[string]string{"zone": "a"}, "", `no alert "HighErrorRate" fires`},
		{"another name", "HighLatency", "", nil, "", `no alert "HighLatency" fires`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := pick(list, declareFlags{alert: c.alert, d: incident.Declaration{Service: c.service, Labels: c.labels}})
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.found, got.Fingerprint)
		})
	}
}
