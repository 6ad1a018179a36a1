package alert

import (
	"fmt"

	"github.com/prometheus/common/model"

	"github.com/sitrep-dev/sitrep/query"
)

// Fingerprint is the stable hash of a label set, in the form that Alertmanager
// uses (64 bits of FNV-1a in hexadecimal), so that the same alert is the same
// from both, unless Prometheus adds external labels on the way to Alertmanager.
func Fingerprint(l query.Labels) string {
	set := make(model.LabelSet, len(l))
	for k, v := range l {
		set[model.LabelName(k)] = model.LabelValue(v)
	}
	return set.Fingerprint().String()
}

// ParseFingerprint checks that s is a fingerprint and gives its usual form.
func ParseFingerprint(s string) (string, error) {
	f, err := model.ParseFingerprint(s)
	if err != nil || len(s) != 16 {
		return "", fmt.Errorf("%.40q is not an alert fingerprint: it has 16 hexadecimal digits", s)
	}
	return f.String(), nil
}
