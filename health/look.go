package health

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// errImpossible is that of a look for which this host lacks something: it says nothing
// about what was to be looked at.
var errImpossible = errors.New("cannot be looked at from here")

// Look looks once, within the check's timeout. It never fails: what went wrong is the
// result's reason.
func (c *Check) Look(ctx context.Context) Result {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	value, err := c.probe.look(within)
	r := Result{Check: c, Status: Healthy, Value: value, At: began, Took: time.Since(began)}
	if err == nil {
		err = c.exceeded(value)
		r.exceeded = err != nil
	}
	switch {
	case err == nil:
	case errors.Is(err, errImpossible), ctx.Err() != nil:
		r.Status, r.Reason = Unknown, c.words(err)
	default:
		r.Status, r.Reason = Unhealthy, c.words(err)
	}
	return r
}

// exceeded is why a value is no good one.
func (c *Check) exceeded(value float64) error {
	switch l := c.limits; {
	case math.IsNaN(value):
		return nil
	case l.slow > 0 && value > l.slow.Seconds():
		return fmt.Errorf("it took %s, more than %s", brief(value), strictyaml.FormatDuration(l.slow))
	case l.lasts > 0 && value < l.lasts.Seconds():
		return fmt.Errorf("the certificate ends in %s, sooner than in %s", brief(value), strictyaml.FormatDuration(l.lasts))
	case l.below > 0 && value >= l.below:
		return fmt.Errorf("%s, not below %s", percent(value), percent(l.below))
	}
	return nil
}

// words are an error's without what stands beside it anyway.
func (c *Check) words(err error) string {
	if asked := (*url.Error)(nil); errors.As(err, &asked) {
		err = asked.Err // without the URL, which may hold a token
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || timedOut(err) {
		return "no answer within " + strictyaml.FormatDuration(c.Timeout)
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		err = op.Err
		if call := (*os.SyscallError)(nil); errors.As(err, &call) {
			err = call.Err
		}
	}
	return short(err.Error())
}

func timedOut(err error) bool {
	late := net.Error(nil)
	return errors.As(err, &late) && late.Timeout()
}

// mostReason bounds in bytes what a stranger may say.
const mostReason = 300

func short(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= mostReason {
		return s
	}
	return strings.ToValidUTF8(s[:mostReason], "") + "…"
}

func percent(v float64) string { return fmt.Sprintf("%.3g %%", v*100) }

// brief is so many seconds as one reads them.
func brief(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 0:
		return "-" + brief(-seconds)
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

// Shown is the result's value as one reads it: 12ms, 41 %, 83 days.
func (r Result) Shown() string {
	switch {
	case math.IsNaN(r.Value):
		return "-"
	case r.Check.Type.Unit() == Ratio:
		return percent(r.Value)
	}
	return brief(r.Value)
}
