package loadtest

import "time"

// Follower tells how a run goes that another process does, by the seconds that it keeps. It
// is for one goroutine.
type Follower struct {
	head         Result
	latency, lag *Histogram
	seen         Progress
	next         int // the first second that was not taken yet
}

// NewFollower follows a run from its head on (Plan.Head).
func NewFollower(head Result) *Follower {
	return &Follower{
		head: head, latency: NewHistogram(), lag: NewHistogram(),
		seen: Progress{Stages: len(head.Stages), Closed: head.Model == "closed", Scale: 1, ErrorsByClass: map[Class]ErrorCount{}},
	}
}

// Next is the first second that was not taken yet.
func (f *Follower) Next() int { return f.next }

// Take adds seconds with their rows, and returns those that are new, filled by their rows.
// Those that were taken before are left out. A payload that is none is an error, and nothing
// of its second is told.
func (f *Follower) Take(seconds []Second, rows []Row) ([]Second, error) {
	seconds, err := Filled(seconds, rows)
	if err != nil {
		return nil, err
	}
	var fresh []Second
	for _, s := range seconds {
		if s.Second >= f.next {
			fresh = append(fresh, s)
		}
	}
	for _, row := range rows {
		if row.Second < f.next {
			continue
		}
		f.seen.Stage = max(f.seen.Stage, row.Stage)
		if row.Warmup {
			continue
		}
		f.seen.Requests += row.Requests
		f.seen.Errors += row.Errors
		if err := f.latency.Add(row.Response); err != nil {
			return nil, secondError(row.Second, err)
		}
		if err := f.lag.Add(row.Lag); err != nil {
			return nil, secondError(row.Second, err)
		}
	}
	for i, s := range fresh {
		f.next = max(f.next, s.Second+1)
		for class, e := range s.ErrorsByClass {
			sum := f.seen.ErrorsByClass[class]
			f.seen.ErrorsByClass[class] = ErrorCount{sum.Count + e.Count, cmpOr(sum.Sample, e.Sample)}
		}
		f.seen.Heat.add(&fresh[i].Heat)
		f.seen.Warmup, f.seen.LastSecond, f.seen.InFlight, f.seen.Connections = s.Warmup, s.Latency, s.InFlight, s.Connections
		f.seen.RequestedRate, f.seen.AchievedRate = s.Requested, float64(s.Sent)
	}
	return fresh, nil
}

// Progress is how far the run is. Its figures are of whole seconds.
func (f *Follower) Progress(now time.Time) Progress {
	p := f.seen
	p.Elapsed = max(now.Sub(f.head.StartedAt), 0)
	p.Remaining = max(time.Duration(f.head.PlannedSeconds*float64(time.Second))-p.Elapsed, 0)
	p.Latency, p.Lag = f.latency.Latency(), f.lag.Latency()
	p.ResponseSum = f.latency.Sum()
	classes := make(map[Class]ErrorCount, len(p.ErrorsByClass))
	for c, e := range p.ErrorsByClass {
		classes[c] = e
	}
	p.ErrorsByClass = classes // who was given the last keeps it
	return p
}
