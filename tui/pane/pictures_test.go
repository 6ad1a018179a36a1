package pane

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

var update = flag.Bool("update", false, "write the goldens anew")

// sizes are the bodies of terminals of 80x24, 120x40 and 200x60: without the
// spare column, three rows of header and three of footer.
func sizes() [][2]int { return [][2]int{{79, 18}, {119, 34}, {199, 54}} }

// picture draws a view.
func picture(v View, s *Screen, w, h int) *frame.Frame {
	f := frame.New(w+1, h, theme.Default())
	v.Resize(w, h, s)
	v.Draw(f, s)
	return f
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// scenes are what the goldens show: a view, and what was pressed on the way.
func scenes() []struct {
	name  string
	view  int
	id    incident.ID
	world func(testing.TB) *World
	press []keys.Action
} {
	rich, empty := richWorld, func(testing.TB) *World { return &World{} }
	return []struct {
		name  string
		view  int
		id    incident.ID
		world func(testing.TB) *World
		press []keys.Action
	}{
		{"now", 0, "INC-204", rich, nil},
		{"now_acknowledged", 0, "INC-203", rich, nil},
		{"now_over", 0, "INC-202", rich, nil},
		{"now_calm", 0, "", rich, nil},
		{"now_empty", 0, "", empty, nil},
		{"board", 1, "INC-204", rich, nil},
		{"board_crosshair", 1, "INC-204", rich, []keys.Action{keys.Down, keys.Down, keys.CrosshairLeft, keys.CrosshairFarLeft, keys.IsolateSeries}},
		{"board_alone", 1, "INC-204", rich, []keys.Action{keys.Down, keys.Down, keys.Fullscreen, keys.Down, keys.CrosshairLeft, keys.CrosshairFarLeft}},
		{"board_empty", 1, "", empty, nil},
		{"tour", 1, "INC-204", tourWorld, nil},
		{"tour_end", 1, "INC-204", tourWorld, []keys.Action{keys.Bottom, keys.Fullscreen}},
		{"timeline", 2, "INC-204", rich, nil},
		{"timeline_all", 2, "", rich, []keys.Action{keys.Top, keys.Down}},
		{"timeline_empty", 2, "", empty, nil},
		{"actions", 3, "INC-204", rich, nil},
		{"actions_pages", 3, "", rich, []keys.Action{keys.NextPane, keys.NextPane}},
		{"actions_empty", 3, "", empty, nil},
		{"postmortem", 4, "INC-202", rich, nil},
		{"postmortem_none", 4, "INC-204", rich, nil},
		{"postmortem_empty", 4, "", empty, nil},
		{"statistics", 5, "", quarter, nil},
		{"statistics_service", 5, "", quarter, []keys.Action{keys.ZoomOut, keys.Down, keys.Detail}},
		{"statistics_few", 5, "", twoIncidents, []keys.Action{keys.ZoomIn}},
		{"statistics_empty", 5, "", empty, nil},
		{"oncall", onCallIndex, "INC-204", onCallWorld, nil},
		{"oncall_untokened", onCallIndex, "", onCallWithoutToken, nil},
		{"oncall_down", onCallIndex, "", onCallDown, []keys.Action{keys.Down}},
		{"oncall_calm", onCallIndex, "", onCallNothingOpen, nil},
		{"oncall_hostile", onCallIndex, "", onCallHostile, nil},
		{"oncall_empty", onCallIndex, "", empty, nil},
		{"alerts", alertsIndex, "INC-204", alertsWorld, []keys.Action{keys.Detail}},
		{"alerts_silences", alertsIndex, "", alertsWorld, []keys.Action{keys.NextPane}},
		{"alerts_10000", alertsIndex, "", manyAlerts(10_000), nil},
		{"alerts_empty", alertsIndex, "", empty, nil},
	}
}

// The pictures in testdata are the specification of how the views look.
func TestPictures(t *testing.T) {
	for _, sc := range scenes() {
		for _, size := range sizes() {
			name := fmt.Sprintf("%s_%dx%d", sc.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				v, s := Views()[sc.view], screenOf(sc.world(t), sc.id)
				picture(v, s, size[0], size[1])
				for _, a := range sc.press {
					v.Press(a, s)
				}
				golden(t, name, picture(v, s, size[0], size[1]).Plain())
			})
		}
	}
}
