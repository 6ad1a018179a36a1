package loadtest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Verdict is the outcome of a run.
type Verdict string

// The verdicts of a run that is over, and what stands for one before. Aborted goes before invalid, invalid before fail and pass: a
// run that was cut short, or whose generator was the bottleneck, says nothing
// about the target.
const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	Aborted Verdict = "aborted"
	Invalid Verdict = "invalid"
	Running Verdict = "running" // its end is not in the archive yet
)

// Generator says whether the load was what the plan asked for.
type Generator string

// Strained load was off by a little, which the reasons explain; an invalid
// generator makes the whole run invalid.
const (
	GeneratorOK       Generator = "ok"
	GeneratorStrained Generator = "strained"
	GeneratorInvalid  Generator = "invalid"
)

// Class groups what went wrong with a request.
type Class string

// The classes of errors. Refused, reset and timeout are of the connection;
// protocol is an answer that is no HTTP response; unsent is an arrival that
// found no free connection within the timeout and was given up; local is the
// generator's own failure (no ports or file descriptors left) and strains it; dns is a
// name that cannot be looked up any more; tls is a handshake that failed; expect is an
// answer that came, and is not what the plan expects.
const (
	ClassTimeout  Class = "timeout"
	ClassRefused  Class = "refused"
	ClassReset    Class = "reset"
	ClassServer   Class = "5xx"
	ClassClient   Class = "4xx"
	ClassProtocol Class = "protocol"
	ClassUnsent   Class = "unsent"
	ClassLocal    Class = "local"
	ClassDNS      Class = "dns"
	ClassTLS      Class = "tls"
	ClassExpect   Class = "expect"
)

// ErrorCount is how often a class was seen, with one example of it. The sample
// is text from outside.
type ErrorCount struct {
	Count  int64  `json:"count"`
	Sample string `json:"sample"`
}

// Totals are the numbers of a run, or of one of its stages, without the
// warm-up. Every measured arrival is one request with one latency, whether it
// was answered, failed or was given up (class unsent), so that nothing slow
// falls out of the percentiles. Rates are per second: requested is what the
// schedule asks, achieved what was sent within the time.
type Totals struct {
	RequestedRate float64 `json:"requested_rate"`
	AchievedRate  float64 `json:"achieved_rate"`
	Requests      int64   `json:"requests"`
	Errors        int64   `json:"errors"`
	ErrorRatio    float64 `json:"error_ratio"`
	Latency       Latency `json:"latency_seconds"`
}

// Result is what a run has found. Run, its ID, is for the archive to give.
type Result struct {
	Run             string    `json:"run"`
	Plan            string    `json:"plan"`
	StartedAt       time.Time `json:"started_at"`
	DurationSeconds float64   `json:"duration_seconds"` // of the measured part
	Totals
	Service        Latency              `json:"service_seconds"` // from sending to the last byte
	Lag            Latency              `json:"lag_seconds"`     // how late the generator was
	Thresholds     []ThresholdResult    `json:"thresholds"`
	Stages         []Totals             `json:"stages"`
	ErrorsByClass  map[Class]ErrorCount `json:"errors_by_class"`
	Generator      Generator            `json:"generator"`
	Verdict        Verdict              `json:"verdict"`
	Reasons        []string             `json:"reasons,omitempty"`         // why not pass, why not ok
	PlanHash       string               `json:"plan_sha256,omitempty"`     // Plan.Hash; empty in results of before
	Target         string               `json:"target,omitempty"`          // Plan.Host
	Kind           string               `json:"kind,omitempty"`            // the preset of the plan
	PlannedSeconds float64              `json:"planned_seconds,omitempty"` // of the plan; only of a run without an end
	Model          string               `json:"model,omitempty"`           // open or closed; empty in results of before
	Engine         string               `json:"engine,omitempty"`          // what measured it, such as k6 v1.8.1; empty: sitrep
	AbortedBy      string               `json:"aborted_by,omitempty"`      // the guard or threshold that ended it
	Changes        []RateChange         `json:"rate_changes,omitempty"`
	Notes          []string             `json:"notes,omitempty"` // what a reader has to know
	Seconds        []Second             `json:"seconds,omitempty"`
	Rows           []Row                `json:"rows,omitempty"`
}

// RateChange is a change of the rate by hand: from At seconds on it was Scale times the
// plan's.
type RateChange struct {
	At    float64 `json:"at"`
	Scale float64 `json:"scale"`
}

// Row is one second of one stage: what was answered in it, counted by the
// second in which the answer came and the stage in which it was due. Histograms
// are HDR V2 payloads (Histogram.Encode).
type Row struct {
	Second   int    `json:"second"`
	Stage    int    `json:"stage"`
	Warmup   bool   `json:"warmup,omitempty"`
	Requests int64  `json:"requests"`
	Errors   int64  `json:"errors"`
	Response []byte `json:"response_hdr"`
	Service  []byte `json:"service_hdr"`
	Lag      []byte `json:"lag_hdr"`
}

// MergeRows adds up the response, service and lag histograms of the rows,
// warm-up left out. Rows of several runs may be mixed: the sum of the parts is
// exactly the whole.
func MergeRows(rows []Row) (response, service, lag *Histogram, err error) {
	response, service, lag = NewHistogram(), NewHistogram(), NewHistogram()
	for _, r := range rows {
		if r.Warmup {
			continue
		}
		for _, part := range []struct {
			sum     *Histogram
			payload []byte
		}{{response, r.Response}, {service, r.Service}, {lag, r.Lag}} {
			if err := part.sum.Add(part.payload); err != nil {
				return nil, nil, nil, secondError(r.Second, err)
			}
		}
	}
	return response, service, lag, nil
}

func secondError(second int, err error) error { return fmt.Errorf("second %d: %w", second, err) }

// ErrNoRun is wrapped by errors about a run that the archive does not have.
var ErrNoRun = errors.New("no such run")

// Archive keeps results. Implementations are safe for concurrent use.
type Archive interface {
	// SaveRun keeps r under r.Run, once, or as the end of a run that was begun; a
	// second result of the same ID is an error.
	SaveRun(ctx context.Context, r Result) error
	// LoadRun returns the result with its seconds and rows; the error wraps ErrNoRun if
	// there is none. One whose process has died has what was kept until then.
	LoadRun(ctx context.Context, id string) (Result, error)
	// Runs returns the latest results without their seconds and rows, newest first.
	Runs(ctx context.Context, limit int) ([]Result, error)
}

// Progress is a snapshot of a run under way. Latencies are of response times.
type Progress struct {
	Elapsed, Remaining time.Duration
	Stage, Stages      int  // Stage counts from 0
	Warmup             bool // nothing counts yet
	RequestedRate      float64
	AchievedRate       float64 // sent over the last second
	Requests, Errors   int64   // answered or given up since the warm-up
	ErrorsByClass      map[Class]ErrorCount
	LastSecond         Latency // of the last whole second
	Latency            Latency // since the warm-up
	Lag                Latency // of the generator, since the warm-up
	Closed             bool    // users wait for their answers: nothing is requested
	Users              float64 // of a closed plan, now
	Scale              float64 // the rate by hand: 1 is the plan's
	InFlight           int
	Connections        int
	Heat               Heat          // response times of all whole seconds, warm-up and all
	ResponseSum        time.Duration // those added up
}
