package loadtest

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The one layout of every histogram: microseconds up to an hour, three digits.
// One layout for all is what makes merging exact.
const (
	lowest  = 1
	highest = int64(time.Hour / time.Microsecond)
	digits  = 3
)

// Histogram counts durations in buckets that are at most 0.1 % wide (1 µs at
// the least). What lasts longer than an hour counts as an hour. Histograms
// merge exactly: recording in parts and merging equals recording in one. Not
// safe for concurrent use.
type Histogram struct{ h *hdrhistogram.Histogram }

// NewHistogram returns an empty histogram; it takes about 190 kB.
func NewHistogram() *Histogram {
	return &Histogram{hdrhistogram.New(lowest, highest, digits)}
}

// Record counts d; less than nothing counts as nothing.
func (h *Histogram) Record(d time.Duration) {
	us := min(max(int64(d+time.Microsecond/2)/int64(time.Microsecond), 0), highest)
	if err := h.h.RecordValue(us); err != nil {
		panic(fmt.Sprintf("loadtest: %d µs is clamped into the histogram's range, yet: %v", us, err))
	}
}

// Merge adds what other has counted.
func (h *Histogram) Merge(other *Histogram) { h.h.Merge(other.h) }

// Add counts what a payload of Encode has counted. It takes as long as there are
// different durations in it, and a payload that is none leaves h as it was.
func (h *Histogram) Add(payload []byte) error {
	counts, err := unpack(payload)
	if err != nil {
		return fmt.Errorf("decode histogram: %w", err)
	}
	for _, c := range counts {
		if err := h.h.RecordValues(c.us, c.n); err != nil {
			return fmt.Errorf("decode histogram: %w", err)
		}
	}
	return nil
}

// each calls f for every bucket that has counted something, from the shortest.
func (h *Histogram) each(f func(d time.Duration, n int64)) {
	for _, bar := range h.h.Distribution() {
		if bar.Count > 0 {
			f(time.Duration(bar.To)*time.Microsecond, bar.Count)
		}
	}
}

// Sum is all durations added up, to the width of the buckets.
func (h *Histogram) Sum() time.Duration {
	return time.Duration(h.h.Mean() * float64(h.h.TotalCount()) * float64(time.Microsecond))
}

// Count is how many durations were recorded.
func (h *Histogram) Count() int64 { return h.h.TotalCount() }

// Counts are the durations that were recorded, in order, and how often each was.
func (h *Histogram) Counts() iter.Seq2[time.Duration, int64] {
	return func(yield func(time.Duration, int64) bool) {
		for _, bar := range h.h.Distribution() {
			if bar.Count > 0 && !yield(time.Duration(bar.To)*time.Microsecond, bar.Count) {
				return
			}
		}
	}
}

// Reset forgets everything.
func (h *Histogram) Reset() { h.h.Reset() }

// Latency is a summary of the recorded durations.
func (h *Histogram) Latency() Latency {
	v := h.h.ValueAtPercentilesSlice([]float64{50, 90, 95, 99, 99.9, 100})
	us := func(i int) time.Duration { return time.Duration(v[i]) * time.Microsecond }
	mean := time.Duration(math.Round(h.h.Mean() * float64(time.Microsecond)))
	return Latency{P50: us(0), P90: us(1), P95: us(2), P99: us(3), P999: us(4), Max: us(5), Mean: mean}
}

// Encode is the standard HDR V2 payload (compressed, without the base64 that
// its text form has).
func (h *Histogram) Encode() ([]byte, error) {
	text, err := h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("encode histogram: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return nil, fmt.Errorf("encode histogram: %w", err)
	}
	return raw, nil
}

// DecodeHistogram reads what Encode wrote. A payload of any other layout is an
// error, and so is one that would unpack to more than a histogram can hold.
func DecodeHistogram(payload []byte) (*Histogram, error) {
	if err := checkLayout(payload); err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	h, err := hdrhistogram.Decode([]byte(base64.StdEncoding.EncodeToString(payload)))
	if err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	return &Histogram{h}, nil
}

// checkLayout reads the header alone, because the library allocates what the
// header asks for.
func checkLayout(payload []byte) error {
	if len(payload) < 8 || len(payload) > 1<<20 {
		return fmt.Errorf("%d bytes are no payload", len(payload))
	}
	z, err := zlib.NewReader(bytes.NewReader(payload[8:]))
	if err != nil {
		return err
	}
	var head struct {
		Cookie, Length, Offset, Digits int32
		Lowest, Highest                int64
		Ratio                          float64
	}
	if err := binary.Read(io.LimitReader(z, 40), binary.BigEndian, &head); err != nil {
		return err
	}
	if head.Lowest != lowest || head.Highest != highest || head.Digits != digits {
		return fmt.Errorf("its layout is %d to %d with %d digits, want %d to %d with %d",
			head.Lowest, head.Highest, head.Digits, lowest, highest, digits)
	}
	return nil
}

// Latency sums a histogram up. Percentiles are the upper ends of the buckets
// they fall into. In JSON every value is in seconds.
type Latency struct {
	P50, P90, P95, P99, P999, Max, Mean time.Duration
}

type latencySeconds struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
	Mean float64 `json:"mean"`
}

// MarshalJSON writes seconds.
func (l Latency) MarshalJSON() ([]byte, error) {
	return json.Marshal(latencySeconds{
		l.P50.Seconds(), l.P90.Seconds(), l.P95.Seconds(), l.P99.Seconds(), l.P999.Seconds(), l.Max.Seconds(), l.Mean.Seconds(),
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *Latency) UnmarshalJSON(b []byte) error {
	var s latencySeconds
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	d := func(v float64) time.Duration { return time.Duration(math.Round(v * 1e9)) }
	*l = Latency{d(s.P50), d(s.P90), d(s.P95), d(s.P99), d(s.P999), d(s.Max), d(s.Mean)}
	return nil
}
