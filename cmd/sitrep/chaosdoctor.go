package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

func (a *app) chaosDoctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "try which faults work on this host, and say what the others need", Args: cobra.NoArgs,
		Long: "Does every fault for a moment where nobody is hurt: in a network namespace, on a process, in a cgroup or in a file without a\n" +
			"name that are made for it. Looks for the effect, takes it back, looks whether it is gone, and leaves nothing behind. It takes\n" +
			"up to ten seconds. That something does not work here is no failure: the exit code is 0.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			around, err := a.around()
			if err != nil {
				return err
			}
			ways, err := chaos.WhatWorks(cmd.Context(), fault.All(), around)
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

// around is where the configuration says that Docker, Toxiproxy and programs are.
func (a *app) around() (chaos.Around, error) {
	c, err := a.config()
	if err != nil {
		return chaos.Around{}, err
	}
	policy, refused := chaosPolicy(c, chaos.SystemPolicy, os.Geteuid())
	return chaos.Around{
		Docker: c.Chaos.Docker.Socket, DockerHost: os.Getenv("DOCKER_HOST"),
		Toxiproxy: cmp.Or(c.Chaos.Toxiproxy.URL, chaos.DefaultToxiproxy), Exec: policy.Exec, Refused: refused,
	}, nil
}

// waysWidth is how wide a line of the table may be: the narrowest terminal.
const waysWidth = 80

// printWays writes a line for each way, and beside those of one family with the same
// answer once what they need, or what was seen; below it a mark stands for the same.
func printWays(w io.Writer, ways []chaos.Way) error {
	heads := waysHeads(ways)
	var b strings.Builder
	b.WriteString(heads.of("FAULT", "BY", "HERE", "TIER") + "SEEN, OR WHY NOT\n")
	line := max(1, waysWidth-heads.width())
	for _, group := range alikeWays(ways, line) {
		text := wrapped(oneLine(wayText(group[0], line)), line)
		for i := range max(len(text), len(group)) {
			head, beside := heads.of("", "", "", ""), sameAsAbove
			if i < len(group) {
				v := group[i]
				head = heads.of(oneLine(v.Fault), orDash(oneLine(v.Mechanism)), string(v.Works), orDash(string(v.Tier)))
			}
			if i < len(text) {
				beside = text[i]
			}
			b.WriteString(head + beside + "\n")
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

// sameAsAbove stands beside a way whose answer is that of the one above it.
const sameAsAbove = `"`

// wayColumns are the widths of the first four, in characters.
type wayColumns [4]int

// waysHeads are as wide as what stands in them.
func waysHeads(ways []chaos.Way) wayColumns {
	c := wayColumns{len("FAULT"), len("BY"), len(string(chaos.WorksUnknown)), len("TIER")}
	for _, v := range ways {
		c[0], c[1] = max(c[0], len(oneLine(v.Fault))), max(c[1], len(oneLine(v.Mechanism)))
	}
	return c
}

func (c wayColumns) of(fault, by, here, tier string) string {
	return fmt.Sprintf("%-*s %-*s %-*s %-*s ", c[0], fault, c[1], by, c[2], here, c[3], tier)
}

func (c wayColumns) width() int { return len(c.of("", "", "", "")) }

// alikeWays puts the ways of one family (what stands before the dot) that have the same answer
// together, at the place of the first. One that fits on a line of so many characters is
// repeated instead.
func alikeWays(ways []chaos.Way, line int) (groups [][]chaos.Way) {
	at := map[[4]string]int{}
	for _, v := range ways {
		family, _, _ := strings.Cut(v.Fault, ".")
		key := [4]string{family, "", string(v.Works), wayText(v, line)}
		if len(key[3]) <= line {
			key[0], key[1] = v.Fault, v.Mechanism
		}
		i, known := at[key]
		if !known {
			i, at[key] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], v)
	}
	return groups
}

// wayText is what was seen, or why there was nothing to be seen and what would help. Of
// what the kernel or a program said there is so much as fits on two lines; --json has all.
func wayText(v chaos.Way, line int) string {
	if v.Works == chaos.WorksYes {
		return v.Seen
	}
	raw := ""
	if v.Raw != "" {
		raw = safe.New(v.Raw, 2*line-len("[]")).String()
	}
	return chaos.PlainFirst(v.Why, v.Remedy, raw)
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
	around, err := a.around()
	if err != nil {
		return check(what, "", err)
	}
	ways, err := chaos.WhatWorks(ctx, fault.All(), around)
	return check(what, countedWays(ways)+": sitrep chaos doctor says which", inPlainWords(err))
}
