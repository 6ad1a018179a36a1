package loadtest

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Adding payloads gives the histogram that recording everything gives, and what the
// library makes of them.
func TestLawPayloadsAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, sum := NewHistogram(), NewHistogram()
		for range rapid.IntRange(1, 4).Draw(t, "parts") {
			part := NewHistogram()
			for range rapid.IntRange(0, 30).Draw(t, "n") {
				d := time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "d")) >> rapid.IntRange(0, 40).Draw(t, "shift")
				part.Record(d)
				whole.Record(d)
			}
			payload, err := part.Encode()
			require.NoError(t, err)
			require.NoError(t, sum.Add(payload))
			theirs, err := DecodeHistogram(payload)
			require.NoError(t, err)
			require.True(t, theirs.h.Equals(part.h))
		}
		require.True(t, whole.h.Equals(sum.h))
		require.Equal(t, whole.Latency(), sum.Latency())
	})
}

// Whatever the bytes are, adding them is an error or a histogram; it never panics.
func FuzzAdd(f *testing.F) {
	h := NewHistogram()
	h.Record(time.Second)
	payload, err := h.Encode()
	require.NoError(f, err)
	f.Add(payload)
	f.Add(payload[:len(payload)-3])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		sum := NewHistogram()
		if sum.Add(payload) != nil && sum.Count() != 0 {
			t.Error("half a payload was added")
		}
		_, _ = counts(payload)
	})
}

// The seconds of a run are what it did: what was asked, sent, answered and failed in each.
func TestSecondsAddUpToTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{status: 503, service: func(now time.Duration, _ int64) time.Duration {
			if now > 2*time.Second && now < 3*time.Second {
				return 1500 * time.Millisecond
			}
			return 20 * time.Millisecond
		}}
		plan := planOf(100, 5*time.Second)
		plan.Warmup = time.Second
		plan.Connections = 500
		r, _ := v.run(t, plan)
		var sent, requests int64
		for i, s := range r.Seconds {
			require.Equal(t, i, s.Second)
			require.Equal(t, i == 0, s.Warmup)
			sent += s.Sent
			requests += s.Requests
			require.Equal(t, s.Requests, s.Errors)
			require.Zero(t, s.OK())
			require.Equal(t, s.Errors, s.ErrorsByClass[ClassServer].Count)
			require.Equal(t, i == 0, s.ErrorsByClass[ClassServer].Sample != "", "the first of a class has its sample")
			if i < 5 {
				require.InDelta(t, 100, s.Requested, 1e-6)
				require.InDelta(t, 100, s.Sent, 3, "second %d", i)
			}
		}
		require.EqualValues(t, 500, sent)
		require.EqualValues(t, 500, requests)
		require.InDelta(t, 98, r.Seconds[2].InFlight, 5, "those that stall are in flight at its end")
		require.Less(t, r.Seconds[0].InFlight, 5)
		require.InDelta(t, 1.5, r.Seconds[3].Latency.Max.Seconds(), 0.01)

		again, err := Filled(r.Seconds, r.Rows)
		require.NoError(t, err)
		require.Equal(t, r.Seconds, again, "what is kept of them is enough")
		var heat int64
		for _, n := range again[3].Heat {
			heat += n
		}
		require.Equal(t, again[3].Requests, heat)
	})
}

// What was kept of a run that died is its result, as far as it goes.
func TestAnUnfinishedRunIsWhatWasKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seconds []Second
		var rows []Row
		v := &virtual{service: steady(10 * time.Millisecond)}
		v.means.Keep = func(s Second, r []Row) { seconds, rows = append(seconds, s), append(rows, r...) }
		plan := planOf(200, 10*time.Second)
		plan.Warmup = 2 * time.Second
		plan.Thresholds = []Threshold{mustThreshold(t, "p95 < 5ms"), mustThreshold(t, "errors < 1%")}
		whole, _ := v.run(t, plan)
		require.Empty(t, whole.Rows, "they were handed over")
		require.Empty(t, whole.Seconds)

		at := time.Now()
		got, err := plan.Head("LT-1", at).Unfinished(seconds[:10], rows, true)
		require.NoError(t, err)
		require.Equal(t, Aborted, got.Verdict)
		require.Equal(t, "its process died: these are its first 10 s, and nothing is known of what came after", got.Reasons[0])
		require.InDelta(t, whole.RequestedRate, got.RequestedRate, 1e-6)
		require.InEpsilon(t, whole.AchievedRate, got.AchievedRate, 0.01)
		require.Equal(t, whole.Latency, got.Latency)
		require.Equal(t, whole.Requests, got.Requests)
		require.Equal(t, whole.Thresholds, got.Thresholds)

		goes, err := plan.Head("LT-1", at).Unfinished(seconds[:3], rows[:3], false)
		require.NoError(t, err)
		require.Equal(t, Running, goes.Verdict)
		none, err := plan.Head("LT-1", at).Unfinished(nil, nil, true)
		require.NoError(t, err)
		require.Equal(t, Aborted, none.Verdict)
		_, err = plan.Head("LT-1", at).Unfinished(seconds, []Row{{Second: 7}}, true)
		require.ErrorContains(t, err, "second 7")
	})
}

func mustThreshold(t *testing.T, text string) Threshold {
	th, err := ParseThreshold(text)
	require.NoError(t, err)
	return th
}

// An hour takes no more memory than ten minutes.
func TestAnHourIsFlatInMemory(t *testing.T) {
	// not raced: it measures memory
	length := time.Hour
	end := int(length / time.Second)
	synctest.Test(t, func(t *testing.T) {
		heap := func() int64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		var early, late int64
		seconds := 0
		v := &virtual{service: func(_ time.Duration, n int64) time.Duration { return time.Duration(1+n%40) * time.Millisecond }}
		v.means.Keep = func(s Second, _ []Row) {
			seconds++
			switch s.Second {
			case 600:
				early = heap()
			case end - 10:
				late = heap()
			}
		}
		plan := planOf(20, length)
		plan.Thresholds = []Threshold{{Metric: "p95", Op: "<", Limit: 1, Expr: "p95 < 1s", Abort: true}}
		r := v.runShown(t, t.Context(), plan, func(Progress) {})
		require.EqualValues(t, 20*end, r.Requests)
		require.GreaterOrEqual(t, seconds, end)
		t.Logf("heap after 10 min %d kB, after %v %d kB", early>>10, length, late>>10)
		require.Less(t, late-early, int64(300<<10))
	})
}

type flakyLog struct {
	refuse  int
	seconds []int
}

func (f *flakyLog) KeepSeconds(_ context.Context, run string, seconds []Second, _ []Row) error {
	if f.refuse--; f.refuse >= 0 {
		return errors.New(run + " is not taken")
	}
	for _, s := range seconds {
		f.seconds = append(f.seconds, s.Second)
	}
	return nil
}

// What a log does not take is given to it again, in order and once.
func TestAKeeperLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &flakyLog{refuse: 2}
		k := NewKeeper(log, "LT-1")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { k.Write(ctx); close(done) }()
		for i := range 3 {
			k.Keep(Second{Second: i}, nil)
			synctest.Wait()
		}
		require.Equal(t, []int{0, 1, 2}, log.seconds)
		cancel()
		<-done
		log.refuse = 1
		k.Keep(Second{Second: 3}, nil)
		require.EqualError(t, k.Flush(t.Context()), "LT-1 is not taken")
		k.Keep(Second{Second: 4}, nil)
		require.NoError(t, k.Flush(t.Context()))
		require.Equal(t, []int{0, 1, 2, 3, 4}, log.seconds)
	})
}
