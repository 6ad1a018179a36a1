package chart

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// A terminal emulator that is sent the frame shows what the frame says it
// shows: the widths that we count are those that a terminal draws.
func TestATerminalShowsTheFrame(t *testing.T) {
	for _, name := range theme.Names() {
		th, err := theme.New(theme.Options{Name: name, Profile: theme.TrueColour, Dark: true})
		require.NoError(t, err)
		f := frame.New(121, 33, th)
		p := new(Painter)
		panels := f.Sub(frame.Rect{X: 0, Y: 0, W: 120, H: 32}).Bounds().Grid(2, 2, 1)
		for i, spec := range []func() *Spec{checkout, regions, broken, checkout} {
			s := spec()
			if i == 3 {
				s.Title = safe.New("Kasse 決済 café 🇩🇪👍🏽 \x1b[31m", 60)
			}
			p.Draw(f.Sub(panels[i]), s)
		}
		screen := vt.NewEmulator(121, 33)
		_, err = screen.Write([]byte(strings.ReplaceAll(f.String(), "\n", "\r\n")))
		require.NoError(t, err)
		require.Equal(t, strings.Split(f.Plain(), "\n"), shown(screen.String()), name)
	}
}

// shown is the emulator's screen in the form of Frame.Plain.
func shown(screen string) []string {
	rows := strings.Split(strings.ReplaceAll(screen, "\r", ""), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return append(rows, "")
}
