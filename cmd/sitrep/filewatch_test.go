package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui"
)

// A screen that is open sees files that come, change and go, and reads them only then.
func TestAnOpenScreenSeesNewFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("sitrep.yaml", "experiments: [x/*.yaml]\nplans: [p/*.yaml]\ngamedays: [g/*.yaml]\n")
	box := tui.NewMailbox()
	c := &centre{app: &app{flags: globals{config: filepath.Join(dir, "sitrep.yaml")}, stdout: io.Discard, stderr: io.Discard}, news: mailboxNews(box)}
	w := newFileWatch(c, box)
	require.NoError(t, w.read())
	require.Empty(t, box.World().Chaos.Experiments)

	const good = `name: good
steady_state: [{name: up, promql: up, expect: "== 1"}]
guards: [{promql: up, abort_when: "< 1"}]
targets: {select: {service: sleeper}}
method: [{fault: process.pause, duration: 20s}]
`
	write("x/good.yaml", good)
	write("p/calm.yaml", "name: calm\ntargets: [{url: \"http://127.0.0.1:1/\"}]\nstages: [{rate: 1, for: 1s}]\n")
	write("g/day.yaml", "name: day\nsteps: [{load: calm}]\n")
	w.look()
	world := box.World()
	require.Len(t, world.Chaos.Experiments, 1)
	require.Len(t, world.Load.Plans, 1)
	require.Len(t, world.Gamedays.Days, 1)
	require.Equal(t, "good", c.ready().experiments[0].Name, "it can be started")
	require.Len(t, c.ready().days, 1)
	before := c.ready()
	w.look()
	require.Same(t, before, c.ready(), "nothing has changed")

	write("x/good.yaml", good+"pin: F9\n")
	w.look()
	require.Equal(t, "F9", box.World().Chaos.Experiments[0].Pin)
	write("x/twin.yaml", good)
	w.look()
	require.Len(t, box.World().Chaos.Experiments, 1, "two of one name leave what there was")
	require.Contains(t, box.World().Problems[0].Text, "two files describe the experiment good")
	require.NoError(t, os.Remove(filepath.Join(dir, "x/twin.yaml")))
	write("x/good.yaml", "name: good\n")
	w.look()
	require.Empty(t, box.World().Problems)
	require.Empty(t, box.World().Chaos.Experiments)
	require.Len(t, box.World().Chaos.Broken, 1)
}
