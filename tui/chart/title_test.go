package chart

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// The title of a panel comes before what is to be known about its data, which becomes
// shorter, and at last a mark.
func TestTheTitleComesBeforeBadges(t *testing.T) {
	st := State{Stale: 2 * time.Minute, Partial: true, Age: 40 * time.Second, Took: 3 * time.Second}
	for width, want := range map[int]string{
		70: "Checkout errors no data 2 min · partial · 40 s old · took 3 s       8%",
		54: "Checkout errors no data 2 min · partial · 40 s old  8%",
		42: "Checkout errors no data 2 min · partial 8%",
		36: "Checkout errors no data 2 min     8%",
		24: "Checkout errors !     8%",
		20: "Checkout errors ! 8%",
		17: "Checkou…rors ! 8%",
	} {
		f := frame.New(width+1, 1, newTheme(t, theme.Braille))
		name{title: safe.Const("Checkout errors")}.headline(f, st, safe.Const("8%"), safe.Text{}, safe.Text{}, theme.Bright)
		require.Equal(t, want, strings.TrimRight(f.Plain(), "\n"), width)
	}
}

// What is only worth a word goes where there is none for it.
func TestATitleIsWholeWithoutDimBadges(t *testing.T) {
	f := frame.New(22+1, 1, newTheme(t, theme.Braille))
	name{title: safe.Const("Checkout errors")}.headline(f, State{Age: time.Hour, Took: 3 * time.Second}, safe.Const("8%"), safe.Text{}, safe.Text{}, theme.Bright)
	require.Equal(t, "Checkout errors     8%", strings.TrimRight(f.Plain(), "\n"))
}

func TestATitleSaysWhatItIsComparedWith(t *testing.T) {
	n := name{safe.Const("Network traffic by packets"), safe.Const("vs -1d")}
	for width, want := range map[int]string{
		40: "Network traffic by packets vs -1d     8%",
		30: "Network traf…packets vs -1d 8%",
		14: "Network tr… 8%",
	} {
		f := frame.New(width+1, 1, newTheme(t, theme.Braille))
		n.headline(f, State{}, safe.Const("8%"), safe.Text{}, safe.Text{}, theme.Bright)
		require.Equal(t, want, strings.TrimRight(f.Plain(), "\n"), width)
	}
}

func TestNamesKeepWhatTellsThemApart(t *testing.T) {
	names := func(width int, all ...string) (out []string) {
		var in []safe.Text
		for _, s := range all {
			in = append(in, safe.New(s, safe.Line))
		}
		for _, n := range Names(in, width) {
			require.LessOrEqual(t, n.Width(), width)
			out = append(out, n.String())
		}
		return out
	}
	require.Equal(t, []string{"eth0", "lo"}, names(24, "eth0", "lo"))
	require.Equal(t, []string{`device="a"`, `device="b"`}, names(24, `{instance="127.0.0.1:9100", device="a", job="node"}`, `{instance="127.0.0.1:9100", device="b", job="node"}`))
	require.Equal(t, []string{"/var/lib/k…n-a/x", "/var/lib/k…n-b/x", "/mnt/backup/week"},
		names(16, "/var/lib/kubelet/plugin-a/x", "/var/lib/kubelet/plugin-b/x", "/mnt/backup/week"))
	require.Equal(t, []string{"0 idle", "1 user"}, names(12, `{cpu="0", mode="idle", job="n"}`, `{cpu="1", mode="user", job="n"}`))
	require.Equal(t, []string{"invento…", "…ments-1", "…ments-2"}, names(8, "inventory", "payments-1", "payments-2"))
	twins := names(14, "aaaaaaaaaaaaaaaaaaaa1bbbbbbbbbbbbbbbbbbbbc", "aaaaaaaaaaaaaaaaaaaa2bbbbbbbbbbbbbbbbbbbbc", "z")
	require.NotEqual(t, twins[0], twins[1])
	require.Equal(t, []string{"the one a…alone"}, names(15, "the one and only that is alone"))
}

// Values of zero on a logarithmic axis are not "no data".
func TestALogAxisSaysWhyItIsEmpty(t *testing.T) {
	s := &Spec{Title: safe.Const("errors"), Series: []Series{{Values: []float64{0, 0, 0}}}, Step: time.Second}
	s.Y.Log = true
	got := render(t, s, 70, 8, theme.Braille)
	require.Contains(t, got, "no value above zero")
	require.NotContains(t, got, "no data")
}
