package main

import (
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// docs/keys.md is made from the table that the screen works by:
// go test ./cmd/sitrep -run Keys -update.
func TestKeysAreDocumented(t *testing.T) {
	t.Parallel()
	const file = "../../docs/keys.md"
	want := "# Keys\n\nThis page is made from the table that the program works by; `?` shows the part that holds where you are.\n" +
		"Nothing that reaches people or targets is confirmed by `enter`, and `ctrl+x` ends and undoes all chaos and load from\n" +
		"anywhere, text fields included.\n\n" + keys.Default().Markdown()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	have, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want, string(have))
}

var update = flag.Bool("update", false, "rewrite docs/keys.md")

// The examples of the guide are one policy, which can be read and surprises
// nobody but by the audiences that it leaves to people.
func TestDocumentedPolicyIsOne(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/policy.md")
	require.NoError(t, err)
	var src strings.Builder
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		src.WriteString(block[1])
	}
	p, warnings, err := escalation.CheckPolicy("policy.md", []byte(src.String()), escalation.Surroundings{})
	require.NoError(t, err)
	require.Len(t, p.Services, 1)
	require.Len(t, p.QuietHours, 2)
	require.Len(t, p.Declare, 2)
	for _, w := range warnings {
		require.Contains(t, w.Message, "leads nowhere: audiences has no such name")
	}
}

// The links of the guide are read, and lead where they say with everything filled in.
func TestDocumentedLinksLead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/links.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	c, err := loadConfig(writeConfig(t, string(block[1])))
	require.NoError(t, err)
	require.Len(t, c.Links, 8)
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	for _, l := range c.Links {
		got, err := query.Link{Title: l.Title, URL: l.URL}.Fill(query.LinkPlace{
			Service: "pay'm\"ents", From: at.Add(-time.Hour), To: at, TraceID: "5759e988bd862e3fe1be46a994272793",
		})
		require.NoError(t, err)
		require.NotContains(t, got, "$")
		u, err := url.Parse(got)
		require.NoError(t, err)
		require.Equal(t, got, u.String(), "a browser is given what was meant")
		for name, values := range u.Query() {
			if name == "panes" {
				require.True(t, json.Valid([]byte(values[0])), values[0])
			}
		}
	}
}

// What the documentation shows as a command is one: its words and flags are
// known.
func TestDocumentedCommandsExist(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile("`sitrep ([a-z][^`]*)`")
	files, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == "keys.md" }) // made from the keys
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var lines []string
		for _, m := range shown.FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, m[1])
		}
		fenced := false
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			} else if command, is := strings.CutPrefix(strings.TrimSpace(line), "sitrep "); fenced && is {
				lines = append(lines, strings.Split(command, " && sitrep ")...)
			}
		}
		require.NotEmpty(t, lines, file)
		for _, line := range lines {
			checkCommand(t, file, line)
		}
	}
}

// The exit codes of what hurts and what loads are told where they are used.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	for file, codes := range map[string][]int{
		"../../docs/chaos.md": {0, 1, exitUsage, exitNotHeld, exitRefused, exitInconclusive, exitUndoFailed, exitInterrupted},
		"../../docs/load.md":  {0, 1, exitUsage, exitNotHeld, exitRefused, exitInconclusive, exitInterrupted},
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, section, found := strings.Cut(string(text), "\n## Exit codes\n")
		require.True(t, found, file)
		section, _, _ = strings.Cut(section, "\n## ")
		var told []int
		for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(section, -1) {
			code, err := strconv.Atoi(row[1])
			require.NoError(t, err)
			told = append(told, code)
		}
		require.Equal(t, codes, told, file)
	}
}

func checkCommand(t *testing.T, file, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, " #") // the shell's comment
	words := strings.Fields(line)
	root := (&app{}).root()
	cmd, _, err := root.Find(words)
	require.NoError(t, err, line)
	screen := strings.HasPrefix(words[0], "--") // the root's flags alone open the screen
	require.Equal(t, screen, cmd.Name() == root.Name(), "%s: %q is no command", file, line)
	for _, w := range words {
		if name, isFlag := strings.CutPrefix(w, "--"); isFlag {
			name, _, _ = strings.Cut(name, "=")
			require.True(t, cmd.Flags().Lookup(name) != nil || cmd.InheritedFlags().Lookup(name) != nil, "%s: %q has no flag --%s", file, line, name)
		}
	}
}
