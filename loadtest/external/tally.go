package external

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// mostRequests bounds what is kept of a file until its seconds can be closed: 4 bytes for
// each.
const mostRequests = 20_000_000

// request is one request as another engine tells of it.
type request struct {
	start  time.Time
	took   time.Duration
	class  loadtest.Class // empty: a success
	sample string         // of the failure
}

// tally adds requests up by the second in which their answer came. Its methods may be
// called from several goroutines.
type tally struct {
	emit func(loadtest.Second, []loadtest.Row) // takes closed seconds

	mu       sync.Mutex
	base     time.Time       // from which seconds are counted: when the first request that was told began
	open     map[int64]*cell // by second, which may be before base
	held     int             // requests of open cells
	closed   int64           // the second before which all are closed
	begun    bool            // some second was closed
	origin   int64           // the first that was
	scratch  *loadtest.Histogram
	total    *loadtest.Histogram
	nobody   []byte // an empty histogram
	first    time.Time
	last     time.Time
	requests int64
	errors   map[loadtest.Class]loadtest.ErrorCount
	told     map[loadtest.Class]bool // whose samples a second has
	sent     int64                   // in closed seconds
	done     int64
	recent   loadtest.Latency // of the last second that was closed
}

// cell is a second that is not closed yet.
type cell struct {
	took   []uint32 // µs
	sent   int64
	errors map[loadtest.Class]int64
}

func newTally(emit func(loadtest.Second, []loadtest.Row)) *tally {
	nobody, err := loadtest.NewHistogram().Encode()
	if err != nil {
		panic(fmt.Sprintf("external: writing to memory: %v", err))
	}
	return &tally{
		emit: emit, open: map[int64]*cell{}, scratch: loadtest.NewHistogram(), total: loadtest.NewHistogram(), nobody: nobody,
		errors: map[loadtest.Class]loadtest.ErrorCount{}, told: map[loadtest.Class]bool{}, closed: math.MinInt64,
	}
}

// second is the one of a time.
func (t *tally) second(at time.Time) int64 {
	return int64(math.Floor(at.Sub(t.base).Seconds()))
}

func (t *tally) cell(at time.Time) *cell {
	second := max(t.second(at), t.closed)
	c := t.open[second]
	if c == nil {
		c = &cell{errors: map[loadtest.Class]int64{}}
		t.open[second] = c
	}
	return c
}

// add counts a request. What comes late, for a second that is closed, counts in the first
// that is not.
func (t *tally) add(r request) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := r.start.Add(r.took)
	switch {
	case r.took < 0 || r.took > loadtest.MaxDuration || r.start.Unix() <= 0:
		return fmt.Errorf("a request that began at %s and took %v", r.start.UTC().Format(time.RFC3339), r.took)
	case t.held == mostRequests:
		return fmt.Errorf("more than %d requests; take a part of the file", mostRequests)
	}
	if t.base.IsZero() {
		t.base = r.start
	}
	if t.first.IsZero() || r.start.Before(t.first) {
		t.first = r.start
	}
	if end.After(t.last) {
		t.last = end
	}
	if t.last.Sub(t.first) > loadtest.MaxDuration {
		return fmt.Errorf("requests from %s to %s: that is no run, whose most is %s", t.first.UTC().Format(time.RFC3339), t.last.UTC().Format(time.RFC3339), strictyaml.FormatDuration(loadtest.MaxDuration))
	}
	t.cell(r.start).sent++
	c := t.cell(end)
	c.took = append(c.took, uint32(min(r.took.Microseconds(), math.MaxUint32)))
	t.held++
	t.requests++
	if r.class != "" {
		c.errors[r.class]++
		e := t.errors[r.class]
		if e.Count++; e.Count == 1 {
			e.Sample = clean(r.sample)
		}
		t.errors[r.class] = e
	}
	return nil
}

// clean is an example of a failure, short and without secrets.
func clean(sample string) string {
	const most = 300
	if r := []rune(sample); len(r) > most {
		sample = string(r[:most]) + "…"
	}
	return strictyaml.Hide(sample)
}

// close closes all seconds that were over at a time.
func (t *tally) close(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.base.IsZero() {
		t.closeBefore(t.second(at))
	}
}

// finish closes all.
func (t *tally) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeBefore(math.MaxInt64)
}

func (t *tally) closeBefore(before int64) {
	for _, second := range slices.Sorted(maps.Keys(t.open)) {
		if second >= before {
			break
		}
		if !t.begun {
			t.begun, t.origin = true, second
		}
		t.closeCell(int(second-t.origin), t.open[second])
		delete(t.open, second)
	}
	t.closed = max(t.closed, before)
}

func (t *tally) closeCell(second int, c *cell) {
	t.scratch.Reset()
	for _, us := range c.took {
		t.scratch.Record(time.Duration(us) * time.Microsecond)
	}
	t.total.Merge(t.scratch)
	t.held -= len(c.took)
	t.sent += c.sent
	t.done += int64(len(c.took))
	t.recent = t.scratch.Latency()
	s := loadtest.Second{Second: second, Sent: c.sent, Requests: int64(len(c.took)), InFlight: int(max(t.sent-t.done, 0)), Latency: t.recent}
	for class, n := range c.errors {
		e := loadtest.ErrorCount{Count: n}
		if !t.told[class] {
			e.Sample, t.told[class] = t.errors[class].Sample, true
		}
		if s.ErrorsByClass == nil {
			s.ErrorsByClass = map[loadtest.Class]loadtest.ErrorCount{}
		}
		s.ErrorsByClass[class] = e
		s.Errors += n
	}
	var rows []loadtest.Row
	if s.Requests > 0 {
		payload, err := t.scratch.Encode()
		if err != nil {
			panic(fmt.Sprintf("external: writing to memory: %v", err))
		}
		rows = []loadtest.Row{{Second: second, Requests: s.Requests, Errors: s.Errors, Response: payload, Service: payload, Lag: t.nobody}}
	}
	t.emit(s, rows)
}

// into fills in what was counted. All has to be closed before.
func (t *tally) into(r loadtest.Result) loadtest.Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.StartedAt = t.base.Add(time.Duration(t.origin) * time.Second).UTC()
	r.DurationSeconds = t.last.Sub(t.first).Seconds()
	r.Requests, r.Errors = t.requests, t.failed()
	if r.DurationSeconds > 0 {
		r.AchievedRate = float64(r.Requests) / r.DurationSeconds
	}
	if r.Requests > 0 {
		r.ErrorRatio = float64(r.Errors) / float64(r.Requests)
	}
	r.Latency = t.total.Latency()
	r.Service = r.Latency
	r.Stages = []loadtest.Totals{r.Totals}
	r.ErrorsByClass = maps.Clone(t.errors)
	return r
}

func (t *tally) failed() (n int64) {
	for _, e := range t.errors {
		n += e.Count
	}
	return n
}

// progress is what was counted until now.
func (t *tally) progress(elapsed time.Duration) loadtest.Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := loadtest.Progress{
		Elapsed: elapsed, Stages: 1, Closed: true, Scale: 1, Requests: t.requests, Errors: t.failed(), ErrorsByClass: maps.Clone(t.errors),
		LastSecond: t.recent, Latency: t.total.Latency(),
	}
	if s := t.last.Sub(t.first).Seconds(); s > 0 {
		p.AchievedRate = float64(t.requests) / s
	}
	return p
}
