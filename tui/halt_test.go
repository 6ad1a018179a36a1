package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// halted is a world in which somebody has forbidden runs.
func halted(w *pane.World, now time.Time) {
	w.Chaos.Halt = &chaos.HaltFile{By: "ana", Why: "the disk of the \x1b[2Jjournals is full", Since: now.Add(-11 * time.Minute)}
}

// That runs are forbidden stands in the header of every view, beside an incident and
// without one, down to the smallest screen.
func TestAHaltIsSaidOnEveryView(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		for _, around := range []func(*pane.World, time.Time){func(*pane.World, time.Time) {}, quiet, underFire} {
			for _, view := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "C", "w"} {
				m := still(t, size[0], size[1], []string{view}, with(around), with(halted))
				require.Contains(t, strings.Split(drawn(m), "\n")[1], "HALT", "%v, view %s", size, view)
			}
		}
	}
	for _, size := range [][2]int{{59, 15}, {40, 10}} {
		require.Contains(t, drawn(still(t, size[0], size[1], nil, with(halted))), "HALT by ana")
	}
	require.NotContains(t, drawn(still(t, 120, 40, nil)), "HALT")
}

// View 4 says who, since when, why, and how to clear it; what is cleared is said no more.
func TestViewFourSaysHowAHaltEnds(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		m := still(t, size[0], size[1], []string{"4"}, with(calmShop), with(halted))
		got := drawn(m)
		for _, text := range []string{"HALT   no experiment starts", "who    ana, since 03:01:44, 11m ago", "the disk of the", "journals is full", "sitrep chaos halt --clear", "HALT by ana, 11m: none starts"} {
			require.Contains(t, got, text, "%v", size)
		}
	}
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			w.Incidents = nil
			halted(w, time.Now())
		})
		p.press("4", "g", "enter")
		p.sees("Ask whoever it was", "sitrep chaos halt --clear")
		p.press("esc")
		p.world(func(w *pane.World) { w.Chaos.Halt = nil })
		p.seesNot("HALT", "--clear")
	})
}

// The line below the list is a sentence whatever keeps each of them.
func TestThePickerSaysWhatCouldNotBeAsked(t *testing.T) {
	const busy = "refused R3 one-at-a-time: CH-4 payments-latency is going on"
	got := drawn(still(t, 80, 24, []string{"x"}, with(refusals(busy, "read targets: connection refused"))))
	require.NotContains(t, got, "and cannot be asked")
	require.Contains(t, got, "none can be started now: R3 one-at-a-time; of some the rules cannot be")
	got = drawn(still(t, 80, 24, []string{"x"}, with(refusals("read targets: no", "read targets: no"))))
	require.Contains(t, got, "none can be started now: the rules cannot be asked; enter says why")
}

// In the list the F-key of an experiment does what its letter does.
func TestTheListTakesFunctionKeys(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("x", "f5")
		p.sees("in 3 s", "payments-latency: http.latency")
		p.wait(4 * time.Second)
		require.Contains(t, p.desk.taken(), pane.StartChaos{Name: "payments-latency"})
	})
}

// refusals has the rules refuse both of the shop's experiments.
func refusals(texts ...string) func(*pane.World, time.Time) {
	return func(w *pane.World, now time.Time) {
		w.Chaos.Judged = map[string]pane.Judged{}
		for i, text := range texts {
			w.Chaos.Judged[w.Chaos.Experiments[i].Name] = pane.Judged{At: now, Refused: text}
		}
	}
}

const haltRefusal = "refused R2 halt: there is a HALT file (halted at 2026-11-25T03:01:44Z by ana: the disk of the journals is full); clear it when it is safe: sitrep chaos halt --clear"

// That a letter starts something is only said while one does, and every rule is whole at
// 80 columns, the reason with it.
func TestThePickerIsTrueWhereNoneCanBeStarted(t *testing.T) {
	m := still(t, 80, 24, []string{"x"}, with(refusals(haltRefusal, haltRefusal)))
	got := drawn(m)
	require.Contains(t, got, "none can be started now: R2 halt; enter shows the plan")
	require.NotContains(t, got, "a letter starts")
	require.Contains(t, flat(got), "halted at 2026-11-25T03:01:44Z by ana: the disk of the journals is full); clear it when it is safe: sitrep chaos halt --clear")

	m = still(t, 80, 24, []string{"x"}, with(refusals("", "refused R7 stopped-already: somebody has stopped it; continue it")))
	require.Contains(t, drawn(m), "a letter starts one that is not refused in 3 s")

	all := chaosRules()
	for i := 0; i+1 < len(all); i += 2 {
		m = still(t, 80, 24, []string{"x"}, with(wordy), with(refusals("refused "+all[i]+": no; yes", "refused "+all[i+1]+": no; yes")))
		for _, rule := range all[i : i+2] {
			require.Contains(t, drawn(m), rule)
		}
	}
}

// chaosRules are all of them: "R7 limited-already".
func chaosRules() (out []string) {
	for _, r := range chaos.Rules() {
		out = append(out, r.ID+" "+r.Name)
	}
	return out
}

// wordy gives the shop's experiments names and faults that are as long as they may be.
func wordy(w *pane.World, _ time.Time) {
	for i := range w.Chaos.Experiments {
		x := w.Chaos.Experiments[i]
		x.Name = fmt.Sprintf("checkout-database-latency-of-the-second-region-%d", i)
		x.Method = append(x.Method[:1:1], chaos.Step{Fault: "container.kill", Duration: x.Method[0].Duration}, chaos.Step{Fault: "disk.fill", Duration: x.Method[0].Duration})
		w.Chaos.Experiments[i] = x
	}
}

// flat is a picture as running text, without the frames of dialogs.
func flat(picture string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(picture, "│", " ")), " ")
}

// However many experiments there are and however much is said of one, the picker's keys,
// its rows and what is said stand on lines of their own.
func TestAPickerOfManyKeepsItsLines(t *testing.T) {
	many := func(w *pane.World, now time.Time) {
		one := w.Chaos.Experiments[0]
		w.Chaos.Experiments, w.Chaos.Judged = nil, map[string]pane.Judged{}
		for i := range 14 {
			x := one
			x.Name, x.Pin = fmt.Sprintf("payments-%02d", i), ""
			w.Chaos.Experiments = append(w.Chaos.Experiments, x)
			w.Chaos.Judged[x.Name] = pane.Judged{At: now, Refused: haltRefusal + strings.Repeat("; and once more", 10)}
		}
	}
	m := still(t, 80, 24, []string{"x", "down", "down"}, with(many))
	rows := strings.Split(drawn(m), "\n")
	keysAt, chosen := -1, -1
	for i, row := range rows {
		if strings.Contains(row, "↑ up   ↓ down   enter choose   esc leave") {
			keysAt = i
		}
		if strings.Contains(row, "c  payments-02") {
			chosen = i
		}
	}
	require.Positive(t, keysAt)
	require.Positive(t, chosen)
	require.Contains(t, rows[chosen], "refused R2 halt")
	require.Contains(t, rows[keysAt], "of 14")
	require.Contains(t, rows[keysAt+1], "└")
	require.Contains(t, flat(drawn(m)), "refused R2 halt: there is a HALT file (halted at 2026-11-25T03:01:44Z by ana")
}
