package chaos

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// loads is a Prober that knows one run of the plan smoke.
type loads struct{ Prober }

func (loads) Load(_ context.Context, l LoadProbe) (float64, bool, error) {
	switch {
	case l.Figure == "max":
		return 0, false, errors.New("the store is broken")
	case l.Figure == "errors":
		return math.NaN(), true, nil
	case l.Plan != "" && l.Plan != "smoke":
		return 0, false, nil
	}
	return l.Over.D().Seconds(), true, nil
}

// TestLoadProbe: the figure of a load run that goes on is a value like others, and none
// where there is no run.
func TestLoadProbe(t *testing.T) {
	look := func(from Prober, l LoadProbe) (*float64, error) {
		p := Probe{Load: &l}
		p.defaults(0)
		return p.look(t.Context(), from)
	}
	v, err := look(loads{}, LoadProbe{Figure: "p95"})
	require.NoError(t, err)
	require.Equal(t, 5.0, *v, "over the last 5 s if nothing else is said")
	v, err = look(loads{}, LoadProbe{Figure: "p95", Plan: "smoke", Over: strictyaml.Duration(10 * time.Second)})
	require.NoError(t, err)
	require.Equal(t, 10.0, *v)
	v, err = look(loads{}, LoadProbe{Figure: "p95", Plan: "other"})
	require.NoError(t, err)
	require.Nil(t, v)
	v, err = look(loads{}, LoadProbe{Figure: "errors"})
	require.NoError(t, err)
	require.Nil(t, v, "no number")
	_, err = look(loads{}, LoadProbe{Figure: "max"})
	require.EqualError(t, err, "the store is broken")
	_, err = look(nil, LoadProbe{Figure: "p95"})
	require.EqualError(t, err, "nobody here knows of load runs")
	require.Equal(t, "errors of the load run of smoke, over the last 5s", Probe{Load: &LoadProbe{Figure: "errors", Plan: "smoke", Over: strictyaml.Duration(loadOver)}}.What())
}
