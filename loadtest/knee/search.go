package knee

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// Search looks for the knee of a service between two rates.
type Search struct {
	Min, Max   float64 // per second
	Thresholds []loadtest.Threshold
	Budget     time.Duration // after which no step is begun that is not needed to end

	// Hold loads the service at a rate for a while, of which the first quarter is not
	// judged, and returns when nothing is in flight any more.
	Hold func(ctx context.Context, rate float64, dwell time.Duration) (loadtest.Result, error)
	// Uses says how far the resources are used, as shares of what there is; nil: nobody knows.
	Uses func(ctx context.Context) map[string]float64
	// Told hears of each step when it is over; may be nil.
	Told func(Step)
}

// Knee is what was found. Rate held, Bad did not: the truth is between them.
type Knee struct {
	Plan       string     `json:"plan"`
	Rate       float64    `json:"rate"`       // the highest that held, per second
	Bad        float64    `json:"bad"`        // the lowest that did not; 0 if every rate up to Max held
	Ceiling    float64    `json:"ceiling"`    // what to plan with: short looks are optimistic near saturation
	Confidence float64    `json:"confidence"` // that Rate holds, by its last and longest look
	Confirmed  float64    `json:"confirmed_seconds"`
	Saturation float64    `json:"saturation"` // per second, the most that was answered at any rate
	Steps      []Step     `json:"steps"`
	Resources  []Resource `json:"resources,omitempty"` // the one that was full first comes first
	Notes      []string   `json:"notes,omitempty"`
}

// Of the search. The numbers are those with which a server of a known limit was found
// again within 7 % on a busy machine, where naive bisection was wrong by 88 %.
const (
	leastDwell   = 4 * time.Second
	leastAnswers = 4 // that may be too slow, when a step holds its limit to a hair
	bracket      = 1.05
	confirmation = 15 * time.Second
	stepDown     = 0.96
	ceiling      = 0.9
	calmLooks    = 10
)

// ErrLowest is of a service that does not hold its thresholds at the lowest rate.
var ErrLowest = errors.New("the lowest rate does not hold the thresholds")

// ErrGenerator is of a search that found the limit of the machine it runs on.
var ErrGenerator = errors.New("the generator is the bottleneck, not the service")

// Run searches until the bracket is narrow, or the budget is used up, or ctx ends; what
// was found until then is returned with an error as well.
func (s Search) Run(ctx context.Context) (Knee, error) {
	w := &walk{Search: s, began: time.Now()}
	err := w.run(ctx)
	w.knee.Resources = rank(w.knee.Steps, w.knee.Rate)
	for _, step := range w.knee.Steps {
		if step.Verdict != Void {
			w.knee.Saturation = max(w.knee.Saturation, step.Got*(1-errorShare(step)))
		}
	}
	w.knee.Ceiling = ceiling * w.knee.Rate
	return w.knee, err
}

// errorShare is 0 but for a step that was ended by its errors.
func errorShare(s Step) float64 {
	if s.Verdict == Failed && s.Error == 0 {
		return s.Share
	}
	return 0
}

// walk is a search under way.
type walk struct {
	Search
	began time.Time
	knee  Knee
	calm  time.Duration // the median when there was next to no load
}

func (w *walk) run(ctx context.Context) error {
	base, err := w.step(ctx, w.Min, leastDwell)
	if err != nil {
		return err
	}
	w.calm = base.Latency.P50
	good, err := w.holds(ctx, w.Min)
	if err != nil {
		return err
	}
	if !good {
		return fmt.Errorf("%w: at %.4g/s %s", ErrLowest, w.Min, w.last().Why)
	}
	w.knee.Rate = w.Min
	if err := w.ramp(ctx); err != nil {
		return err
	}
	if err := w.narrow(ctx); err != nil {
		return err
	}
	return w.confirm(ctx)
}

// ramp doubles the rate until one does not hold.
func (w *walk) ramp(ctx context.Context) error {
	for rate := w.Min; rate < w.Max && !w.late(); {
		rate = min(2*rate, w.Max)
		good, err := w.holds(ctx, rate)
		if err != nil {
			return err
		}
		if !good {
			w.knee.Bad = rate
			return nil
		}
		w.knee.Rate = rate
	}
	return nil
}

// narrow halves what lies between what held and what did not, of its logarithm.
func (w *walk) narrow(ctx context.Context) error {
	for w.knee.Bad > bracket*w.knee.Rate && !w.late() {
		rate := math.Sqrt(w.knee.Rate * w.knee.Bad)
		good, err := w.holds(ctx, rate)
		if err != nil {
			return err
		}
		if good {
			w.knee.Rate = rate
		} else {
			w.knee.Bad = rate
		}
	}
	return nil
}

// confirm holds what was found for longer, and goes down until it does hold.
func (w *walk) confirm(ctx context.Context) error {
	for w.knee.Rate >= w.Min {
		dwell := max(confirmation, 3*w.dwell(w.knee.Rate, w.held().Latency.P99))
		s, err := w.step(ctx, w.knee.Rate, dwell)
		if err != nil {
			return err
		}
		if s.Verdict == Passed {
			w.knee.Confirmed = s.Seconds
			w.knee.Confidence = confidence(s)
			return nil
		}
		w.knee.Bad = w.knee.Rate
		w.knee.Rate *= stepDown
		if err := w.rest(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w for as long as %v", ErrLowest, confirmation)
}

// confidence is how sure a step that passed is of it: the normal probability of its
// distance from the limit.
func confidence(s Step) float64 {
	if s.Error == 0 {
		return 1
	}
	return 0.5 * math.Erfc(-(s.Limit-s.Share)/s.Error/math.Sqrt2)
}

// holds says whether a rate does. A failure counts when two of three looks fail.
func (w *walk) holds(ctx context.Context, rate float64) (bool, error) {
	good, bad := 0, 0
	for good == 0 || bad > 0 {
		s, err := w.sureStep(ctx, rate)
		if err != nil {
			return false, err
		}
		if s.Verdict == Passed {
			good++
		} else {
			bad++
			if err := w.rest(ctx); err != nil {
				return false, err
			}
		}
		if good == 2 || bad == 2 {
			break
		}
	}
	return good > bad, nil
}

// sureStep holds a rate for twice as long if it is unsure, and then calls it failed.
func (w *walk) sureStep(ctx context.Context, rate float64) (Step, error) {
	dwell := w.dwell(rate, w.last().Latency.P99)
	for try := 1; ; try++ {
		s, err := w.step(ctx, rate, dwell*time.Duration(try))
		if err != nil || s.Verdict == Passed || s.Verdict == Failed {
			return s, err
		}
		if try == 2 {
			if s.Verdict == Void {
				return s, fmt.Errorf("at %.4g/s %w: %s", rate, ErrGenerator, s.Why)
			}
			s.Verdict = Failed
			return s, nil
		}
	}
}

// step holds a rate once.
func (w *walk) step(ctx context.Context, rate float64, dwell time.Duration) (Step, error) {
	r, err := w.Hold(ctx, rate, dwell)
	if err != nil {
		return Step{}, err
	}
	if r.AbortedBy != "" {
		return Step{}, fmt.Errorf("at %.4g/s the search was ended by %s", rate, r.AbortedBy)
	}
	if ctx.Err() != nil || r.Verdict == loadtest.Aborted {
		return Step{}, fmt.Errorf("the search was ended at %.4g/s: %w", rate, context.Cause(ctx))
	}
	s := judge(rate, r, w.Thresholds)
	if w.Uses != nil {
		s.Uses = w.Uses(ctx)
	}
	w.knee.Steps = append(w.knee.Steps, s)
	if w.Told != nil {
		w.Told(s)
	}
	return s, nil
}

// rest waits for the service to be as quick as it was without load: what is still queued
// would fail the next step.
func (w *walk) rest(ctx context.Context) error {
	for range calmLooks {
		r, err := w.Hold(ctx, min(w.Min, 10), time.Second)
		if err != nil {
			return err
		}
		if r.ErrorRatio == 0 && r.Latency.P50 <= 2*w.calm+time.Millisecond {
			return nil
		}
	}
	w.knee.Notes = append(w.knee.Notes, "after a rate that was too high the service stayed slow for longer than was waited")
	return nil
}

// dwell is how long a step takes: for enough answers, and long against the slowest.
func (w *walk) dwell(rate float64, p99 time.Duration) time.Duration {
	answers := 0.
	for _, t := range w.Thresholds {
		if share, ok := mayBe(t); ok {
			answers = max(answers, leastAnswers/max(share, 0.001))
		}
	}
	return min(max(leastDwell, time.Duration(answers/rate*float64(time.Second)), 20*p99), time.Minute)
}

func (w *walk) late() bool {
	if w.Budget == 0 || time.Since(w.began) < w.Budget {
		return false
	}
	if n := len(w.knee.Notes); n == 0 || w.knee.Notes[n-1] != outOfTime {
		w.knee.Notes = append(w.knee.Notes, outOfTime)
	}
	return true
}

const outOfTime = "the time for the search was over before the bracket was narrow"

// held is the last step that passed. In one that did not, answers took as long as its queue
// was: that is nothing to wait by at a rate that holds.
func (w *walk) held() Step {
	for _, s := range slices.Backward(w.knee.Steps) {
		if s.Verdict == Passed {
			return s
		}
	}
	return w.last()
}

func (w *walk) last() Step {
	if n := len(w.knee.Steps); n > 0 {
		return w.knee.Steps[n-1]
	}
	return Step{}
}
