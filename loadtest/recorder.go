package loadtest

import (
	"fmt"
	"time"
)

// closeAfter is how long after a second's end its row stays open for samples
// that are still on their way.
const closeAfter = 200 * time.Millisecond

// sample is what a worker tells of one arrival; times are since the start.
type sample struct {
	n                      int64
	stage                  int
	sent, done             time.Duration
	response, service, lag time.Duration
	class                  Class // empty: a success
	queued                 bool  // held up by the target: no lag of ours
	late                   bool  // it was due at a time of its own, which lag is from
	step                   bool  // of a scenario, not its first: no arrival
}

// recorder adds samples up. It knows no clock and no goroutines.
type recorder struct {
	plan     Plan
	schedule Schedule
	first    int64 // the first arrival after the warm-up

	total   histograms
	stages  []stageTotal
	errors  map[Class]int64
	queued  int64
	open    map[cellKey]*cell
	oldest  int // the second before which all rows are closed
	spare   []*cell
	rows    []Row
	kept    []Second
	last    Latency
	sending []sentMark

	keep       func(Second, []Row) // takes what would be rows and kept; may be nil
	ends       map[int]mark        // at the end of seconds that are not closed yet
	ticked     mark                // at tickedAt
	tickedAt   time.Duration
	sentBefore int64 // when the last second that was closed ended
	sampleOf   func(Class) string
	told       map[Class]bool // whose samples were given to keep
	heat       Heat           // of all closed seconds
	seconds    time.Duration  // the response times of those, added up

	tripped string // the guard or threshold that ended the run, in words
	aborts  bool   // some threshold may
	recent  []past
	looked  int
	scale   float64 // of the rate, changed by hand
	changes []RateChange
}

type histograms struct{ response, service, lag *Histogram }

func newHistograms() histograms {
	return histograms{NewHistogram(), NewHistogram(), NewHistogram()}
}

func (h histograms) record(s sample) {
	h.response.Record(s.response)
	if s.class == ClassUnsent {
		return
	}
	h.service.Record(s.service)
	if s.late && !s.queued {
		h.lag.Record(s.lag)
	}
}

// stageTotal sums up the measured arrivals of one stage.
type stageTotal struct {
	response         *Histogram
	errors, sentIn   int64
	unsent, requests int64
}

type cellKey struct{ second, stage int }

// cell is a row that is still open.
type cell struct {
	histograms
	warmup           bool
	requests, errors int64
	classes          map[Class]int64
}

// sentMark is how many requests had been sent at a moment.
type sentMark struct {
	at   time.Duration
	sent int64
}

func newRecorder(plan Plan, schedule Schedule) *recorder {
	r := &recorder{
		plan: plan, schedule: schedule, first: schedule.Count(plan.Warmup), total: newHistograms(),
		errors: map[Class]int64{}, open: map[cellKey]*cell{}, stages: make([]stageTotal, len(plan.Stages)),
		aborts: anyAborts(plan.Thresholds), looked: -1, scale: 1, ends: map[int]mark{}, told: map[Class]bool{},
	}
	for i := range r.stages {
		r.stages[i].response = NewHistogram()
	}
	return r
}

func (r *recorder) record(s sample) {
	measured := s.n >= r.first
	if r.plan.Closed {
		measured = s.sent >= r.plan.Warmup
	}
	c := r.cell(max(int(s.done/time.Second), r.oldest), s.stage, measured)
	c.histograms.record(s)
	c.requests++
	if s.class != "" {
		c.errors++
		if c.classes == nil {
			c.classes = map[Class]int64{}
		}
		c.classes[s.class]++
	}
	if !measured {
		return
	}
	r.total.record(s)
	st := &r.stages[s.stage]
	st.response.Record(s.response)
	st.requests++
	if s.class == ClassUnsent {
		st.unsent++
	} else if !s.step && s.sent <= r.stageEnd(s.stage) {
		st.sentIn++
	}
	if s.class != "" {
		st.errors++
		r.errors[s.class]++
	}
	if s.queued {
		r.queued++
	}
}

// stageEnd is until when a request counts as sent within its stage: one of the
// last may be late by what the generator's timers are.
func (r *recorder) stageEnd(stage int) time.Duration {
	return r.schedule.bounds[stage+1] + 10*time.Millisecond
}

// cell is the open row of the second and stage. A stage in which the warm-up
// ends has two: they are told apart by a stage number below zero.
func (r *recorder) cell(second, stage int, measured bool) *cell {
	key := cellKey{second, stage}
	if !measured {
		key.stage = -1 - stage
	}
	if c := r.open[key]; c != nil {
		return c
	}
	c := &cell{histograms: newHistograms()}
	if n := len(r.spare); n > 0 {
		c, r.spare = r.spare[n-1], r.spare[:n-1]
	}
	c.warmup = !measured
	r.open[key] = c
	return c
}

// advance closes the rows of seconds that are over at now.
func (r *recorder) advance(now time.Duration) {
	until := int((now - closeAfter) / time.Second)
	for ; r.oldest < until; r.oldest++ {
		r.closeSecond(r.oldest)
	}
}

// finish closes all rows.
func (r *recorder) finish() {
	for len(r.open) > 0 || r.tickedAt > time.Duration(r.oldest)*time.Second {
		r.closeSecond(r.oldest)
		r.oldest++
	}
}

func (r *recorder) closeSecond(second int) {
	all := (*Histogram)(nil)
	var rows []Row
	var classes map[Class]int64
	for k := -len(r.stages); k < len(r.stages); k++ {
		key := cellKey{second, k}
		c := r.open[key]
		if c == nil {
			continue
		}
		delete(r.open, key)
		rows = append(rows, c.row(second, max(k, -1-k)))
		classes = sumClasses(classes, c.classes)
		if all == nil {
			all = NewHistogram()
		}
		all.Merge(c.response)
		r.remember(second, c)
		c.reset()
		r.spare = append(r.spare, c)
	}
	r.closed(second, rows, r.named(classes), all)
}

func (c *cell) row(second, stage int) Row {
	row := Row{Second: second, Stage: stage, Warmup: c.warmup, Requests: c.requests, Errors: c.errors}
	for _, p := range []struct {
		h   *Histogram
		out *[]byte
	}{{c.response, &row.Response}, {c.service, &row.Service}, {c.lag, &row.Lag}} {
		payload, err := p.h.Encode()
		if err != nil {
			panic(fmt.Sprintf("loadtest: writing to memory: %v", err))
		}
		*p.out = payload
	}
	return row
}

func (c *cell) reset() {
	for _, h := range []*Histogram{c.response, c.service, c.lag} {
		h.Reset()
	}
	c.requests, c.errors = 0, 0
	clear(c.classes)
}

// sendRate is the rate of sending over about the last second.
func (r *recorder) sendRate(now time.Duration, sent int64) float64 {
	r.sending = append(r.sending, sentMark{now, sent})
	for len(r.sending) > 2 && now-r.sending[1].at >= time.Second {
		r.sending = r.sending[1:]
	}
	from := r.sending[0]
	if now-from.at < tick/2 {
		from = sentMark{}
	}
	return ratio(float64(sent-from.sent), (now - from.at).Seconds())
}

func (r *recorder) progress(now time.Duration) Progress {
	at := min(max(now, 0), r.schedule.Length())
	p := Progress{
		Elapsed: at, Remaining: r.schedule.Length() - at,
		Stage: r.schedule.Stage(at), Stages: len(r.stages), Warmup: at < r.plan.Warmup,
		RequestedRate: r.schedule.Rate(at), LastSecond: r.last,
		Latency: r.total.response.Latency(), Lag: r.total.lag.Latency(), Heat: r.heat, ResponseSum: r.seconds,
	}
	if r.plan.Closed {
		p.Users, p.RequestedRate = p.RequestedRate, 0
	}
	for _, s := range r.stages {
		p.Requests += s.requests
		p.Errors += s.errors
	}
	return p
}
