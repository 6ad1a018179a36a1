package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

type k6 struct{}

// Needs is what a script of k6 asks for.
type Needs struct {
	Users    int
	Duration time.Duration
}

// Inspect says what a script would do, without doing it: k6 evaluates it, which sends
// nothing. A script that asks for more than a plan may is refused.
func (e Engine) Inspect(ctx context.Context, file string) (Needs, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.program, "inspect", "--execution-requirements", "--include-system-env-vars", file)
	said := &ending{}
	cmd.Env, cmd.Stderr = append(environment(), k6Env...), said
	out, err := cmd.Output()
	if err != nil {
		return Needs{}, fmt.Errorf("k6 inspect %s: %w: %s", file, err, said.last())
	}
	var told struct {
		Users    int    `json:"maxVUs"`
		Duration string `json:"totalDuration"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return Needs{}, fmt.Errorf("k6 inspect %s: %w", file, err)
	}
	n := Needs{Users: told.Users}
	if told.Duration != "" {
		if n.Duration, err = time.ParseDuration(told.Duration); err != nil {
			return n, fmt.Errorf("k6 inspect %s: %w", file, err)
		}
	}
	switch {
	case n.Users > loadtest.MaxConnections:
		return n, fmt.Errorf("%w: %s asks for %d users; the most is %d", loadtest.ErrRefused, file, n.Users, loadtest.MaxConnections)
	case n.Duration > loadtest.MaxDuration:
		return n, fmt.Errorf("%w: %s lasts %v; the most is %v", loadtest.ErrRefused, file, n.Duration, loadtest.MaxDuration)
	}
	return n, nil
}

// k6Env keeps k6 from fetching another k6 for extensions that a script wants.
var k6Env = []string{"K6_AUTO_EXTENSION_RESOLUTION=false", "K6_BINARY_PROVISIONING=false"}

func (k6) prepare(_ Engine, file, dir string) (session, error) {
	s := &k6Session{file: file, points: filepath.Join(dir, "points"), summary: filepath.Join(dir, "summary.json")}
	if err := syscall.Mkfifo(s.points, 0o600); err != nil {
		return nil, err
	}
	// Both ends, in this order: reading then waits for k6, and ends when our end of writing
	// is closed after it.
	var err error
	if s.in, err = os.OpenFile(s.points, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		return nil, err
	}
	if s.hold, err = os.OpenFile(s.points, os.O_WRONLY, 0); err != nil {
		return nil, errors.Join(err, s.in.Close())
	}
	return s, nil
}

// k6Session is one run of a script.
type k6Session struct {
	file, points, summary string
	in, hold              *os.File
	told                  k6Points
}

func (s *k6Session) env() []string { return k6Env }

func (s *k6Session) drop() { _, _ = s.in.Close(), s.hold.Close() }

// args has a free port for k6's API, whose default may be taken; more percentiles than k6
// sums up by itself, for thresholds are told with what was measured; and every address but
// those of this machine as one that k6 does not connect to.
func (s *k6Session) args() []string {
	return []string{
		"run", "--quiet", "--no-color", "--no-usage-report", "--address", "127.0.0.1:0", "--out", "json=" + s.points,
		"--summary-export", s.summary, "--summary-trend-stats", "avg,min,med,max,p(90),p(95),p(99),p(99.9)", "--blacklist-ip", strings.Join(elsewhere(), ","), s.file,
	}
}

// elsewhere is every address that is not loopback.
func elsewhere() []string {
	return append(without(netip.MustParsePrefix("127.0.0.0/8")), without(netip.MustParsePrefix("::1/128"))...)
}

// without is what of its family is not in p: for every bit of the prefix those that differ
// first in it.
func without(p netip.Prefix) (all []string) {
	bytes := p.Addr().AsSlice()
	for bit := range p.Bits() {
		other := slices.Clone(bytes)
		other[bit/8] ^= 0x80 >> (bit % 8)
		a, _ := netip.AddrFromSlice(other)
		all = append(all, netip.PrefixFrom(a, bit+1).Masked().String())
	}
	return all
}

func (s *k6Session) read(t *tally, over <-chan struct{}) error {
	s.told.tally = t
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-over
		_ = s.hold.Close()
	}()
	err := s.told.read(s.in)
	if err == nil {
		<-ended
	}
	return errors.Join(err, s.in.Close())
}

func (s *k6Session) stop(c *child) { c.interrupt() }

func (s *k6Session) into(r *loadtest.Result, code int, said string) (aborted bool) {
	s.told.into(r)
	if src, err := os.ReadFile(s.summary); err == nil && len(src) <= mostSummary {
		if sum, err := readK6Summary(src); err == nil {
			r.Thresholds = sum.results()
		}
	}
	switch code {
	case 0:
	case 99: // thresholds; a k6 that writes no summary does not say which
		if !slices.ContainsFunc(r.Thresholds, func(t loadtest.ThresholdResult) bool { return !t.OK }) {
			r.Thresholds = append(r.Thresholds, loadtest.ThresholdResult{Expr: "a threshold of the script"})
		}
	case 103, 105: // by its API, by a signal
		return true
	default:
		blame(r, "k6 ended with code %d: %s", code, said)
	}
	return false
}
