package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// LoadProbe is a figure of the load run that goes on beside the experiment, as those see it
// who send the requests. Without such a run it has no data.
type LoadProbe struct {
	Figure string              `yaml:"figure" json:"figure"`       // of LoadFigures
	Over   strictyaml.Duration `yaml:"over" json:"over"`           // the last whole seconds; default 5 s
	Plan   string              `yaml:"plan" json:"plan,omitempty"` // by the name of its plan; empty is whichever goes on
}

// LoadTeller is a Prober that knows how load runs fare.
type LoadTeller interface {
	// Load is the figure now: response times in seconds, errors and achieved as ratios,
	// rate per second. ok is false when no such run goes on, or nothing was answered that
	// the figure could be of.
	Load(ctx context.Context, l LoadProbe) (value float64, ok bool, err error)
}

// LoadFigures are those that there are: what thresholds of load plans may be about.
func LoadFigures() []string {
	return []string{"p50", "p90", "p95", "p99", "p99.9", "max", "mean", "errors", "achieved", "rate"}
}

const (
	loadOver     = 5 * time.Second // as the thresholds of a load run look back
	longestOver  = time.Minute
	shortestOver = time.Second
)

// check says what is wrong, and at which key.
func (l LoadProbe) check() (key string, err error) {
	switch d := l.Over.D(); {
	case !slices.Contains(LoadFigures(), l.Figure):
		return "figure", fmt.Errorf("%q is not one of %s", l.Figure, strings.Join(LoadFigures(), ", "))
	case d < shortestOver || d > longestOver || d%time.Second != 0:
		return "over", fmt.Errorf("over the last %s; want whole seconds, 1s to 1m", l.Over)
	}
	return "", nil
}

// what is what the probe looks at, on one line.
func (l LoadProbe) what() string {
	run := "the load run that goes on"
	if l.Plan != "" {
		run = "the load run of " + l.Plan
	}
	return fmt.Sprintf("%s of %s, over the last %s", l.Figure, run, l.Over)
}

func (l LoadProbe) look(ctx context.Context, prober Prober) (*float64, error) {
	teller, ok := prober.(LoadTeller)
	if !ok {
		return nil, errors.New("nobody here knows of load runs")
	}
	ctx, cancel := context.WithTimeout(ctx, probeEvery)
	defer cancel()
	v, ok, err := teller.Load(ctx, l)
	if err != nil || !ok {
		return nil, err
	}
	return figure(v), nil
}
