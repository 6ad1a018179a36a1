package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// IptablesDelete is the undo of a chain of ours in the table mangle, for IPv4 and
// IPv6: whatever jumps to it, what is in it, and the chain.
func IptablesDelete(n Netns, chain string) Op {
	return Op{Do: "iptables-delete", Netns: n, Name: chain}
}

// IptablesAbsent is true when neither mangle table of the namespace knows the chain.
func IptablesAbsent(n Netns, chain string) Check {
	return Check{Is: "iptables-absent", Netns: n, Name: chain}
}

var iptablesDeleteOp = opKind{
	valid: func(o Op) error { return validInside(o.Netns, o.Name) },
	text: func(o Op) string {
		return fmt.Sprintf("in %s: iptables -t mangle: delete the jumps to %s, -F %s, -X %s; ip6tables the same", o.Netns, o.Name, o.Name, o.Name)
	},
	do: iptablesDelete,
}

var iptablesAbsentCheck = checkKind{
	valid: func(c Check) error { return validInside(c.Netns, c.Name) },
	text: func(c Check) string {
		return fmt.Sprintf("iptables -t mangle -S in %s has no %s", c.Netns, c.Name)
	},
	look: iptablesAbsent,
}

var iptablesTools = []string{"iptables", "ip6tables"}

func iptablesDelete(ctx context.Context, o Op) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	removed := 0
	for _, tool := range iptablesTools {
		rules, err := iptablesOf(ctx, tool, o.Netns, o.Name)
		if err == nil && len(rules) > 0 {
			removed += len(rules)
			_, err = o.Netns.Tool(ctx, ToolCall{Name: tool + "-restore", Args: []string{"--noflush", "-w", "5"}, Stdin: iptablesUndo(rules, o.Name)})
		}
		if errors.Is(err, ErrNetnsGone) {
			return err.Error(), nil
		}
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("removed %d lines of %s", removed, o.Name), nil
}

// iptablesUndo is one transaction that takes the chain away.
func iptablesUndo(rules []string, chain string) string {
	lines := []string{"*mangle"}
	for _, r := range rules {
		if from, _, _ := strings.Cut(strings.TrimPrefix(r, "-A "), " "); strings.HasPrefix(r, "-A ") && from != chain {
			lines = append(lines, "-D "+strings.TrimPrefix(r, "-A "))
		}
	}
	if slices.Contains(rules, "-N "+chain) {
		lines = append(lines, "-F "+chain, "-X "+chain)
	}
	return strings.Join(append(lines, "COMMIT", ""), "\n")
}

// iptablesOf are the lines of `-S` that name the chain as a word; none where the
// program is not installed, as no rule can have come from it.
func iptablesOf(ctx context.Context, tool string, n Netns, chain string) ([]string, error) {
	text, err := n.Tool(ctx, ToolCall{Name: tool, Args: []string{"-w", "5", "-t", "mangle", "-S"}})
	if errors.Is(err, ErrNoTool) {
		return nil, nil
	}
	if err == nil && !strings.Contains(text, "-P ") {
		return nil, fmt.Errorf("%s -t mangle -S in %s names no chain, and there are always some: is it the true %s?", tool, n, tool)
	}
	var rules []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); slices.Contains(strings.Fields(line), chain) {
			rules = append(rules, line)
		}
	}
	return rules, err
}

func iptablesAbsent(ctx context.Context, c Check) (string, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, toolPatience)
	defer cancel()
	for _, tool := range iptablesTools {
		rules, err := iptablesOf(ctx, tool, c.Netns, c.Name)
		switch {
		case errors.Is(err, ErrNetnsGone):
			return err.Error(), true, nil
		case err != nil:
			return "", false, err
		case len(rules) > 0:
			return fmt.Sprintf("%s of %s still has %q", tool, c.Netns, rules[0]), false, nil
		}
	}
	return fmt.Sprintf("no chain %s in %s", c.Name, c.Netns), true, nil
}
