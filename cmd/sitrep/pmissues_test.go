package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident/tracker/trackertest"
)

// Action items become issues once, whatever dies in between, and what is closed on one
// side is closed on the other.
func TestActionItemsAsIssues(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"github", "gitlab"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			actionItemsAsIssues(t, name)
		})
	}
}

func actionItemsAsIssues(t *testing.T, name string) {
	srv := trackertest.New(t, name == "gitlab")
	dir := t.TempDir()
	token, config := filepath.Join(dir, "token"), filepath.Join(dir, "sitrep.yaml")
	require.NoError(t, os.WriteFile(token, []byte("right\n"), 0o600))
	place := map[string]string{"github": "repository", "gitlab": "project"}[name]
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "%s: {api_url: %q, %s: acme/shop, token: 'file:token', labels: [post-mortem]}\n", name, srv.URL, place), 0o600))
	sitrep := func(args ...string) (string, string, int) {
		var out, err bytes.Buffer
		code := run(append([]string{"--db", filepath.Join(dir, "s.db"), "--config", config, "--as", "ana"}, args...), os.Stdin, &out, &err)
		return out.String(), err.String(), code
	}
	ok := func(args ...string) string {
		t.Helper()
		out, stderr, code := sitrep(args...)
		require.Contains(t, []int{0, 5}, code, stderr) // 5: nobody runs the ladder
		return out
	}
	ok("incident", "declare", "--severity", "SEV-4", "--title", "Checkout slow", "--service", "checkout")
	ok("item", "add", "INC-1", "alert on a full pool, @acme/all, see #12", "--owner", "dave", "--due", "2026-12-24")
	ok("item", "add", "INC-1", "rotate ghp_abcdefghijklmnopqrstuvwx")
	ok("item", "add", "INC-1", "never mind")
	ok("incident", "resolve", "INC-1", "--resolution", "restarted")
	ok("postmortem", "draft", "INC-1")
	issues := func() string { return ok("postmortem", "issues", "INC-1", "--to", name) }

	out := ok("postmortem", "issues", "INC-1", "--dry-run")
	require.Contains(t, out, "AI-1 at "+name+" of acme/shop:\nalert on a full pool, @acme/all, see #12\n")
	require.Contains(t, out, "alert on a full pool, @<!-- -->acme/all, see #<!-- -->12")
	require.NotContains(t, out, "ghp_")
	require.Empty(t, srv.Log(), "nobody is asked by a dry run")

	// The answer to the first is lost, as by a kill between request and record.
	srv.Next(trackertest.Answer{Drop: true})
	out, stderr, code := sitrep("postmortem", "issues", "INC-1")
	require.Equal(t, exitInconclusive, code, stderr)
	require.Regexp(t, `(?m)^AI-1 +open +- +failed$`, out)
	require.Regexp(t, `(?m)^AI-2 +open +https://\S+/issues/2 +made$`, out)
	require.Contains(t, stderr, "AI-1 of INC-1: ")
	out = issues()
	require.Regexp(t, `(?m)^AI-1 +open +https://\S+/issues/1 +found again, as it was$`, out)
	require.Len(t, srv.Issues(), 3, "none is made twice")
	require.Equal(t, []string{"post-mortem"}, srv.Issues()[0].Labels)
	require.Contains(t, srv.Issues()[1].Title, "rotate REDACTED")
	srv.Log()
	require.Regexp(t, `(?m)^AI-3 +open +\S+ +as it was$`, issues())
	for _, asked := range srv.Log() {
		require.NotContains(t, asked, "POST")
	}

	// Closed there by a person, closed and dropped here.
	closed := time.Now().Add(time.Second).Truncate(time.Second)
	srv.Change(func(all []*trackertest.Issue) []*trackertest.Issue {
		all[0].Closed, all[0].ClosedBy, all[0].ClosedAt = true, "emil", closed
		return all
	})
	ok("item", "close", "INC-1", "AI-2")
	ok("item", "change", "INC-1", "AI-3", "--drop", "--note", "it goes away")
	out = issues()
	require.Regexp(t, `(?m)^AI-1 +closed +\S+ +closed here: emil closed it there$`, out)
	require.Regexp(t, `(?m)^AI-2 +closed +\S+ +closed there$`, out)
	require.Regexp(t, `(?m)^AI-3 +closed +\S+ +closed there$`, out)
	require.Contains(t, ok("item", "list"), "no action items")
	require.Contains(t, ok("incident", "timeline", "INC-1"), "emil (claimed by "+name+")  AI-1 done")
	if name == "github" {
		require.Equal(t, "completed", srv.Issues()[1].Reason)
		require.Equal(t, "not_planned", srv.Issues()[2].Reason)
	}
	require.Regexp(t, `(?m)^AI-1 +closed +\S+ +as it was$`, issues())

	// To be done after all, here; open again, there.
	ok("item", "change", "INC-1", "AI-3", "--restore")
	srv.Change(func(all []*trackertest.Issue) []*trackertest.Issue {
		all[1].Closed = false
		return all
	})
	out = issues()
	require.Regexp(t, `(?m)^AI-2 +open +\S+ +is open again there, and stays so$`, out)
	require.Regexp(t, `(?m)^AI-3 +open +\S+ +opened again there$`, out)
	require.False(t, srv.Issues()[2].Closed)

	srv.Change(func(all []*trackertest.Issue) []*trackertest.Issue { return all[:2] })
	require.Regexp(t, `(?m)^AI-3 +open +\S+ +is there no more; it is not made again$`, issues())
	require.Contains(t, ok("--json", "postmortem", "issues", "INC-1"), `"what": "is there no more; it is not made again"`)

	require.NoError(t, os.WriteFile(token, []byte("wrong\n"), 0o600))
	_, stderr, code = sitrep("postmortem", "issues", "INC-1")
	require.Equal(t, exitInconclusive, code)
	require.Contains(t, stderr, "refused: it does not know the token: Bad credentials")
	require.NoError(t, os.WriteFile(config, []byte("ui: {timezone: UTC}\n"), 0o600))
	_, stderr, code = sitrep("postmortem", "issues", "INC-1")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "github is not configured: write github: {repository: acme/shop, token: env:GITHUB_TOKEN} into sitrep.yaml")
}
