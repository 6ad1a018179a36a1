package pane

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// What a panel's badge has no room for: the whole of what the source said.

// remark is one thing that is to be known about an answer.
type remark struct {
	text  string
	style theme.Style
}

// remarks are what went wrong with a panel's answer and what its source said about
// it, the worst first; none where all is well.
func (c *panelChart) remarks() (all []remark) {
	say := func(style theme.Style, prefix string, texts ...string) {
		for _, text := range texts {
			one := remark{prefix + text, style}
			if text != "" && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	if err := cmp.Or(c.data.Err, c.shape.Err); err != nil {
		say(theme.Warn, "error: ", err.Error())
	}
	f := &c.data.Frame
	infos := f.Infos
	if f.StandIn != "" { // the whole of it is an info
		i := slices.IndexFunc(infos, func(s string) bool { return strings.HasPrefix(s, f.StandIn) })
		if i < 0 {
			say(theme.Warn, "", f.StandIn)
		} else {
			say(theme.Warn, "", infos[i])
			infos = slices.Delete(slices.Clone(infos), i, i+1)
		}
	}
	say(theme.Warn, "warning: ", f.Warnings...)
	say(theme.Dim, "info: ", infos...)
	return all
}

// account says how old an answer is, what it cost, and how much it is.
func (c *panelChart) account(s *Screen, snap *query.Snapshot) string {
	d := c.data
	if d.At.IsZero() {
		return ""
	}
	var parts []string
	switch {
	case snap.Frozen:
		parts = append(parts, "as it was kept")
	default:
		parts = append(parts, fmt.Sprintf("answered %s ago", Ago(max(s.Now.Sub(d.At), 0))))
	}
	if d.Took > 0 {
		parts = append(parts, "in "+tookText(d.Took))
	}
	g := d.Frame.Grid
	parts = append(parts, "step "+strictyaml.FormatDuration(g.Step), fmt.Sprintf("%d series", len(d.Frame.Series)))
	if d.Points > 0 {
		parts = append(parts, plural(d.Points, "value"))
	}
	for i := range d.Frame.Series {
		if now := d.Frame.Series[i].Now; !now.At.IsZero() {
			parts = append(parts, fmt.Sprintf("◦ is the value of %s, which may still change", now.At.In(s.Zone).Format("15:04:05")))
			break
		}
	}
	return strings.Join(parts, " · ")
}

// tookText is how long a query took: "42ms", "1.3s".
func tookText(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// saying are the rows in which an open panel says all that is to be known about its
// answer, at most most of them.
func (c *panelChart) saying(s *Screen, snap *query.Snapshot, width, most int) (rows []piece) {
	if !c.panel.Type.Asks() && c.panel.Type != "" || most < 1 {
		return nil
	}
	all := append(c.remarks(), remark{c.account(s, snap), theme.Dim})
	if c.whither() {
		all = append(all, remark{c.going.words(c.panel, s.Zone), theme.Dim})
	}
	for _, r := range all {
		for _, text := range safe.Wrap(r.text, width) {
			rows = append(rows, piece{text, r.style})
		}
	}
	if left := len(rows) - most; left > 0 {
		rows = rows[:most]
		rows[most-1] = piece{safe.Sprintf("… %s more: a larger terminal has room", plural(left+1, "line")), theme.Dim}
	}
	return rows
}

// drawSaying draws those rows into all of f.
func drawSaying(f *frame.Frame, rows []piece) {
	for y, r := range rows {
		f.PutFit(1, y, f.Width()-2, r.style, r.text)
	}
}

// worstRemark is what the board says of the panel in focus: nothing if all is well.
func (b *board) worstRemark(s *Screen) piece {
	n := b.focusIndex()
	if n < 0 || b.layout.all[n].panel < 0 {
		return piece{}
	}
	all := b.panels.at(b.layout.all[n].panel).remarks()
	if len(all) == 0 {
		return piece{}
	}
	text := safe.New(all[0].text, safe.Line)
	if len(all) > 1 {
		text = safe.Concat(text.Fit(max(b.w/2, 24)), safe.Sprintf(" +%d", len(all)-1))
	}
	return piece{text, all[0].style}
}
