package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// A disk is full when a rung comes due: what cannot be written down is not sent,
// somebody is told, and the page goes, once, when there is room.
func TestARungIsDueOnAFullDisk(t *testing.T) {
	t.Parallel()
	for climbs := 4 * time.Second; ; climbs *= 2 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SITREP_TEST_NOPAGE="+t.TempDir(), "SITREP_TEST_CLIMBS="+climbs.String())
		ownMounts(cmd)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() == tooSlow && climbs < time.Minute {
			continue // on a busy machine the rung was due before the disk was full
		}
		require.NoError(t, err, string(out))
		t.Log(strings.TrimSpace(string(out)))
		return
	}
}

// tooSlow is the code of a process that cannot tell.
const tooSlow = 3

var errTooSlow = errors.New("the disk was not full in time")

// pageOnASmallDisk is the process that this happens to; 0 if all went as it must.
func pageOnASmallDisk(dir string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	climbs, err := time.ParseDuration(os.Getenv("SITREP_TEST_CLIMBS"))
	if err == nil {
		err = pageWithoutRoom(ctx, dir, climbs)
	}
	switch {
	case errors.Is(err, errTooSlow):
		return tooSlow
	case err != nil:
		fmt.Println(err)
		return 1
	}
	return 0
}

// told collects what happens beside the test.
type told struct {
	mu       sync.Mutex
	requests int
	problems []string
}

func (s *told) pages() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// full is a problem that says why, if there is one.
func (s *told) full() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.problems {
		if strings.Contains(p, "the disk is full or failing") {
			return p
		}
	}
	return ""
}

func pageWithoutRoom(ctx context.Context, dir string, climbs time.Duration) error {
	room, what, err := smallDisk(dir)
	if err != nil {
		return fmt.Errorf("a small disk: %w", err)
	}
	db, err := store.Open(ctx, filepath.Join(dir, "s.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	var s told
	events := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		s.requests++
		s.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"status":"success","message":"Event processed","dedup_key":"k"}`))
	}))
	defer events.Close()
	policy, err := escalation.LoadPolicy("full.yaml", fmt.Appendf(nil, `ladders:
  default:
    - {level: L1, respond_within: 1h, escalate_after: %s, until: acknowledged, notify: ["pagerduty:primary"]}
    - {level: L2, respond_within: 1h, until: resolved, notify: ["pagerduty:lead"]}
`, climbs))
	if err != nil {
		return err
	}
	inc, err := incident.NewDesk(db).Declare(ctx, by(), "", incident.Declaration{Title: "checkout 5xx", Severity: incident.Sev1, Policy: policy.Frozen("")})
	if err != nil {
		return err
	}
	life, end := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = escalation.New(escalation.Config{
			Book: db, Leases: db, Timeline: db, Install: "test0000", Owner: "ana", Timing: brisk(),
			Senders: map[string]escalation.Sender{"pagerduty": pagerduty.New(pagerduty.Config{
				EventsURL: events.URL, Key: func(context.Context, string) (string, error) { return strings.Repeat("k", 32), nil },
			})},
			Problem: func(err error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.problems = append(s.problems, err.Error())
			},
		}).Run(life)
	}()
	defer func() {
		end()
		<-over
	}()
	if !within(time.Minute, func() bool { return s.pages() == 1 }) {
		return errors.New("the first page does not go out")
	}
	refused := 0
	for size := 64 << 10; refused < 5; { // large pieces, and then what fits between them
		_, err := db.Append(ctx, incident.Event{Kind: incident.ChangeRecorded, Actor: "ana", Source: "test", Text: strings.Repeat("x", size)})
		switch {
		case err == nil:
			refused = 0
		case size > 10:
			size /= 10
		default:
			refused++
		}
	}
	due := inc.Clocks.Declared.Add(climbs)
	if time.Now().After(due) {
		return errTooSlow
	}
	time.Sleep(time.Until(due)) // the ladder looks at the clock of the machine
	if !within(time.Minute, func() bool { return s.full() != "" }) {
		return fmt.Errorf("nobody is told that the disk is full: %q", s.problems)
	}
	time.Sleep(time.Second) // for what must not happen
	told := s.full()
	if n := s.pages(); n != 1 {
		return fmt.Errorf("%d pages went out, and the second cannot have been written down", n)
	}
	if err := room(); err != nil {
		return err
	}
	if !within(time.Minute, func() bool { return s.pages() == 2 }) {
		return fmt.Errorf("with room again the page does not go out: %q", s.problems)
	}
	time.Sleep(time.Second) // for what must not happen
	if n := s.pages(); n != 2 {
		return fmt.Errorf("with room again there are %d pages of two", n)
	}
	fmt.Printf("%s: no page while it was full (%s), one when there was room\n", what, told)
	return nil
}

func within(patience time.Duration, done func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}
