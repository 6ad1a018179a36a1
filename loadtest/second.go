package loadtest

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Second is one second of a run as a whole: what the generator did in it, and what came
// back in it, warm-up and all. Rates of a second are its counts.
type Second struct {
	Second        int                  `json:"second"`    // since the first arrival was due
	Warmup        bool                 `json:"warmup"`    // nothing of it is measured
	Requested     float64              `json:"requested"` // arrivals that were due in it
	Sent          int64                `json:"sent"`
	Requests      int64                `json:"requests"` // answered, or given up
	Errors        int64                `json:"errors"`
	ErrorsByClass map[Class]ErrorCount `json:"errors_by_class,omitempty"` // with a sample in the first second of a class
	InFlight      int                  `json:"in_flight"`                 // at its end
	Connections   int                  `json:"connections"`
	Latency       Latency              `json:"latency_seconds"` // response times
	Heat          Heat                 `json:"-"`               // response times, for a heat map
}

// OK is how many were answered as the plan expects.
func (s Second) OK() int64 { return s.Requests - s.Errors }

// HeatRows is how many rows a heat map of response times has.
const HeatRows = 6*heatDecades + 1

const (
	heatFrom    = 100 * time.Microsecond
	heatDecades = 6 // to 100 s, which is longer than any timeout
)

// Heat counts response times by rows of about six to a decade: row i is of what is at
// most HeatBound(i), the last of everything longer.
type Heat [HeatRows]int64

// HeatBound is the longest response time of a row; the last has none.
func HeatBound(row int) time.Duration {
	if row >= HeatRows-1 {
		return math.MaxInt64
	}
	steps := [...]float64{1, 1.5, 2, 3, 5, 7}
	return time.Duration(float64(heatFrom) * steps[row%6] * math.Pow10(row/6))
}

func heatBounds() []time.Duration {
	out := make([]time.Duration, HeatRows)
	for i := range out {
		out[i] = HeatBound(i)
	}
	return out
}

// add counts what o has counted.
func (h *Heat) add(o *Heat) {
	for i, n := range o {
		h[i] += n
	}
}

// heat is the histogram in rows.
func (h *Histogram) heat() (out Heat) {
	bounds := heatBounds()
	h.each(func(d time.Duration, n int64) {
		row, _ := slices.BinarySearch(bounds, d)
		out[row] += n
	})
	return out
}

// mark is what the generator had done at the end of a second.
type mark struct {
	sent                  int64
	inFlight, connections int
}

// atTick tells the recorder what the generator has done until now. What it had sent at
// the end of a second lies between two ticks, on a line.
func (r *recorder) atTick(now time.Duration, m mark) {
	for second := int(r.tickedAt / time.Second); ; second++ {
		end := time.Duration(second+1) * time.Second
		if end > now {
			break
		}
		at := m
		if share := float64(end-r.tickedAt) / float64(now-r.tickedAt); share < 1 {
			at.sent = r.ticked.sent + int64(math.Round(share*float64(m.sent-r.ticked.sent)))
		}
		r.ends[second] = at
	}
	r.ticked, r.tickedAt = m, now
}

// closed tells of a second that is over, whose rows these are and whose response times
// are in all, if there are any.
func (r *recorder) closed(second int, rows []Row, classes map[Class]ErrorCount, all *Histogram) {
	end, ok := r.ends[second]
	if !ok {
		end = r.ticked // the run ended in it
	}
	delete(r.ends, second)
	s := Second{
		Second: second, Warmup: time.Duration(second+1)*time.Second <= r.plan.Warmup, Sent: end.sent - r.sentBefore,
		ErrorsByClass: classes, InFlight: end.inFlight, Connections: end.connections,
	}
	r.sentBefore = end.sent
	if !r.plan.Closed {
		from := time.Duration(second) * time.Second
		s.Requested = r.schedule.Arrivals(from+time.Second) - r.schedule.Arrivals(from)
	}
	for _, row := range rows {
		s.Requests += row.Requests
		s.Errors += row.Errors
	}
	if all != nil {
		s.Latency, s.Heat = all.Latency(), all.heat()
		r.heat.add(&s.Heat)
		r.seconds += all.Sum()
	}
	r.last = s.Latency
	switch {
	case len(rows) == 0 && s.Sent == 0 && s.InFlight == 0 && s.Requested == 0: // nothing happened
	case r.keep != nil:
		r.keep(s, rows)
	default:
		r.kept = append(r.kept, s)
		r.rows = append(r.rows, rows...)
	}
}

// named is the counts of errors with the samples of classes that no second told of before.
func (r *recorder) named(classes map[Class]int64) map[Class]ErrorCount {
	if len(classes) == 0 {
		return nil
	}
	out := make(map[Class]ErrorCount, len(classes))
	for c, n := range classes {
		e := ErrorCount{Count: n}
		if r.sampleOf != nil && !r.told[c] {
			e.Sample, r.told[c] = r.sampleOf(c), true
		}
		out[c] = e
	}
	return out
}

// Filled are the seconds with what their rows say of them: requests, errors and response
// times. Seconds and rows are those of one run; a payload that is none is an error.
func Filled(seconds []Second, rows []Row) ([]Second, error) {
	out := make([]Second, len(seconds))
	of := map[int][]Row{}
	for _, row := range rows {
		of[row.Second] = append(of[row.Second], row)
	}
	sum := NewHistogram()
	for i, s := range seconds {
		s.Requests, s.Errors = 0, 0
		sum.Reset()
		s.Warmup = len(of[s.Second]) > 0
		for _, row := range of[s.Second] {
			s.Requests += row.Requests
			s.Errors += row.Errors
			s.Warmup = s.Warmup && row.Warmup
			if err := sum.Add(row.Response); err != nil {
				return nil, secondError(s.Second, err)
			}
		}
		s.Latency, s.Heat = sum.Latency(), sum.heat()
		out[i] = s
	}
	return out, nil
}

// classes adds up the errors of seconds.
func classes(seconds []Second) map[Class]ErrorCount {
	out := map[Class]ErrorCount{}
	for _, s := range seconds {
		for c, e := range s.ErrorsByClass {
			sum := out[c]
			out[c] = ErrorCount{sum.Count + e.Count, cmpOr(sum.Sample, e.Sample)}
		}
	}
	return out
}

// sumClasses adds b to a, which may be nil.
func sumClasses(a, b map[Class]int64) map[Class]int64 {
	if len(a) == 0 {
		return maps.Clone(b)
	}
	for c, n := range b {
		a[c] += n
	}
	return a
}
