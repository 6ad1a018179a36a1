package chaos

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// TestConfirm: a fault that could cut off whoever has started it stays only if they
// say so in time.
func TestConfirm(t *testing.T) {
	for _, c := range []struct {
		name     string
		said     []time.Duration // when somebody confirms
		lasts    time.Duration
		verdict  Verdict
		reason   string
		undoneAt time.Duration
	}{
		{"nobody", nil, 30500 * time.Millisecond, Aborted, "nobody confirmed within 10s: http.latency on pay-1: it is in this host's own network", 10 * time.Second},
		{"in time", []time.Duration{9 * time.Second}, 30500 * time.Millisecond, Held, "", 30500 * time.Millisecond},
		{"too late", []time.Duration{11 * time.Second}, 30500 * time.Millisecond, Aborted, "nobody confirmed", 10 * time.Second},
		{"before it was asked", []time.Duration{0}, 30500 * time.Millisecond, Aborted, "nobody confirmed", 10 * time.Second},
		{"over before", nil, 5500 * time.Millisecond, Held, "", 5500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &rig{t: t, sure: make(chan struct{}, 1)}
				for _, at := range c.said {
					if at == 0 {
						r.sure <- struct{}{}
						continue
					}
					time.AfterFunc(at, func() { r.sure <- struct{}{} })
				}
				out, log := r.run(t.Context(), 1, 1, func(p *Plan) {
					p.Steps[0].Duration = strictyaml.Duration(c.lasts)
					p.Steps[0].Injections[0].Confirm = "it is in this host's own network"
				})
				require.Equal(t, c.verdict, out.Verdict, out.Reason)
				require.Contains(t, out.Reason, c.reason)
				require.False(t, r.hurt())
				require.Equal(t, c.undoneAt, log.Entries[0].UndoneAt.Sub(log.Entries[0].InjectedAt))
				var asked, confirmed int
				for _, rep := range r.reports {
					switch rep.Kind {
					case KindConfirm:
						asked++
						require.Contains(t, rep.Text, "confirm within 10s that you still see this, or it is undone: ")
					case KindConfirmed:
						confirmed++
					}
				}
				require.Equal(t, 1, asked)
				require.Equal(t, c.name == "in time", confirmed == 1)
			})
		})
	}
}
