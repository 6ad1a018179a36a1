package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/keys"
)

// PagerDuty is asked while the view is on the screen and a moment longer, again when a
// person wants it, and never while it wants to be left alone.
func TestPagerDutyIsAskedOnlyWhileSomebodyLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var asked []string
		var mu sync.Mutex
		quiet := time.Duration(0)
		wants := func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			quiet = d
		}
		d := &duties{wake: make(chan struct{}, 1)}
		ended := make(chan error, 1)
		go func() {
			ended <- d.run(ctx, func(_ context.Context, people bool, now time.Time) time.Duration {
				what := fmt.Sprint(now.Sub(began))
				if people {
					what += " people"
				}
				mu.Lock()
				asked = append(asked, what)
				mu.Unlock()
				time.Sleep(time.Second) // PagerDuty takes it
				mu.Lock()
				defer mu.Unlock()
				return quiet
			})
		}()
		after := func(d time.Duration, want ...string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, want, asked)
			asked = nil
		}
		after(time.Hour)
		d.Shows(keys.Board)
		d.refresh() // nobody looks
		after(time.Hour)
		d.Shows(keys.OnCall)
		after(35*time.Second, "2h0m0s people", "2h0m16s", "2h0m32s")
		d.refresh()
		after(2*time.Second, "2h0m35s people")
		d.Shows(keys.Now)
		after(time.Hour, "2h0m51s", "2h1m7s", "2h1m23s")
		d.Shows(keys.OnCall)
		after(500*time.Millisecond, "3h0m37s people")
		d.refresh() // while it is asked: the answer may be older
		after(time.Second, "3h0m38s people")
		after(time.Second)
		wants(2 * time.Minute)
		after(16*time.Second, "3h0m54s")
		d.refresh()
		after(time.Minute)
		wants(0)
		after(61*time.Second, "3h2m55s people")
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// An incident of somebody else's is acknowledged from the inbox by keys; PagerDuty
// hears of it once, and its details and the levels of its policy can be read.
func TestInboxByKeys(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	x := h.screen(120, 40)
	x.see("All quiet")
	x.press("6")
	x.see("who answers now", "+1 2025550102", "PagerDuty's inbox  2 open", "›HIGH", "Search index is 3 h behind", "calls Lena Lead")

	x.press(keyEnter)
	x.see("https://runbooks.example.com/search-index", "Assigned to Lena Lead")
	x.press(keyEsc)
	x.gone("runbooks.example.com")

	x.press("a")
	x.see("Acknowledge QLABSEARCH2", "stops calling Lena Lead")
	x.press(keyEnter) // confirms nothing
	x.gone("stops calling")
	acks := func() (n int) {
		for _, line := range h.ledger(h.PagerDuty) {
			if strings.HasPrefix(line, "PUT /incidents 200") && strings.Contains(strings.ReplaceAll(line, " ", ""), `"id":"QLABSEARCH2"`) && strings.Contains(line, "acknowledged") {
				n++
			}
		}
		return n
	}
	require.Zero(t, acks())
	x.press("a")
	x.see("stops calling")
	x.confirm("u takes it back")
	x.see("QLABSEARCH2: acknowledged in PagerDuty by ana", "you have it")
	require.Equal(t, 1, acks())

	x.press("E")
	x.see("Escalate QLABSEARCH2 to", "level 3  Max Manager")
	x.press(keyEsc)
	x.gone("Escalate QLABSEARCH2")
	x.press("1", "q")
	require.Zero(t, x.exit())
}

// An acknowledgement of ours in the inbox is one on the timeline, and one only.
func TestInboxOfOurs(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	x := h.screen(120, 40)
	x.see("All quiet")
	_, code := h.sitrep("incident", "declare", "--severity", "SEV-1", "--title", "Checkout 5xx")
	require.Zero(t, code)
	x.press("6")
	x.see("INC-1 SEV-1 L1: Checkout 5xx", "calls you")
	x.press("/", "INC-1", keyEnter)
	x.see("1 open")
	x.press("g", "a") // who is called needs no yes
	x.see("acknowledged in PagerDuty by ana (INC-1)", "ACK ana", "you have it")
	x.press("1")
	out, code := h.sitrep("incident", "timeline", "INC-1", "--json")
	require.Zero(t, code)
	require.Equal(t, 1, strings.Count(out, `"incident.acknowledged"`), out)
}
