package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
)

func (a *app) chaosDoctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "try which faults work on this host, and say what the others need", Args: cobra.NoArgs,
		Long: "Does every fault for a moment where nobody is hurt: in a network namespace, on a process, in a cgroup or in a file without a\n" +
			"name that are made for it. Looks for the effect, takes it back, looks whether it is gone, and leaves nothing behind. It takes\n" +
			"up to ten seconds. That something does not work here is no failure: the exit code is 0.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ways, err := chaos.WhatWorks(cmd.Context(), fault.All())
			if err != nil {
				return err
			}
			if a.flags.json {
				return a.print(ways)
			}
			return printWays(a.stdout, ways)
		},
	}
}

// waysWidth is how wide a line of the table may be: the narrowest terminal.
const waysWidth = 80

// printWays writes a line for each way, and below those what it needs, or what was seen.
func printWays(w io.Writer, ways []chaos.Way) error {
	const columns = "%-14s %-12s %-8s %-5s"
	var b strings.Builder
	fmt.Fprintf(&b, columns+"%s\n", "FAULT", "BY", "HERE", "TIER", "SEEN, OR WHY NOT")
	indent := len(fmt.Sprintf(columns, "", "", "", ""))
	for _, v := range ways {
		head := fmt.Sprintf(columns, v.Fault, orDash(v.Mechanism), v.Works, orDash(string(v.Tier)))
		if len(head) > indent {
			b.WriteString(oneLine(head) + "\n")
			head = strings.Repeat(" ", indent)
		}
		text := v.Seen
		if v.Works != chaos.WorksYes {
			text = v.Why
			if v.Remedy != "" {
				text += "; " + v.Remedy
			}
		}
		for i, line := range wrapped(oneLine(text), waysWidth-indent) {
			if i > 0 {
				head = strings.Repeat(" ", indent)
			}
			b.WriteString(head + line + "\n")
		}
	}
	b.WriteString("\n")
	for _, t := range tiersOf(ways) {
		fmt.Fprintf(&b, "%s  %s\n", t, t.Means())
	}
	fmt.Fprintf(&b, "\n%s\n", countedWays(ways))
	_, err := io.WriteString(w, b.String())
	return err
}

// tiersOf are those that the ways have, the best first.
func tiersOf(ways []chaos.Way) []chaos.Tier {
	var list []chaos.Tier
	for _, t := range []chaos.Tier{chaos.TierKernel, chaos.TierCarried, chaos.TierAnnotated, chaos.TierDeadMan, chaos.TierIrreversible} {
		if slices.ContainsFunc(ways, func(v chaos.Way) bool { return v.Tier == t }) {
			list = append(list, t)
		}
	}
	return list
}

// countedWays is the whole on one line.
func countedWays(ways []chaos.Way) string {
	n := map[chaos.Works]int{}
	for _, v := range ways {
		n[v.Works]++
	}
	text := fmt.Sprintf("%d of %d ways of doing a fault work here", n[chaos.WorksYes], len(ways))
	if n[chaos.WorksUnknown] > 0 {
		text += fmt.Sprintf(", %d cannot be told by this host", n[chaos.WorksUnknown])
	}
	return text
}

// wrapped breaks a text between words into lines of at most so many characters, and a
// word that is longer where the line ends.
func wrapped(text string, width int) []string {
	var lines []string
	var line []rune
	for _, field := range strings.Fields(text) {
		word := []rune(field)
		if len(line) > 0 && len(line)+1+len(word) <= width {
			line = append(append(line, ' '), word...)
			continue
		}
		if len(line) > 0 {
			lines = append(lines, string(line))
		}
		for ; len(word) > width; word = word[width:] {
			lines = append(lines, string(word[:width]))
		}
		line = word
	}
	return append(lines, string(line))
}

// examineFaults says how much of what there is works here, where the configuration names
// what may be hurt.
func (a *app) examineFaults(ctx context.Context) finding {
	const what = "faults"
	if targets, err := a.targets(); targets.None() || err != nil {
		return check(what, "nothing is named that may be hurt: not tried (sitrep chaos doctor tries them)", nil)
	}
	ways, err := chaos.WhatWorks(ctx, fault.All())
	return check(what, countedWays(ways)+": sitrep chaos doctor says which", err)
}
