package tracker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// GitHub is the issues of one repository, by its REST API (2022-11-28).
type GitHub struct {
	wire wire
	repo string // owner/name
}

// NewGitHub is the issues of repo at base, for whoever the token says.
func NewGitHub(base, repo, token string, transport http.RoundTripper) *GitHub {
	return &GitHub{newWire("GitHub", base, http.Header{
		"Authorization": {"Bearer " + token}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"},
	}, transport), repo}
}

type githubIssue struct {
	Number   int                     `json:"number"`
	URL      string                  `json:"html_url"`
	State    string                  `json:"state"`
	Body     string                  `json:"body"`
	ClosedAt time.Time               `json:"closed_at"`
	ClosedBy *struct{ Login string } `json:"closed_by"`
	Pull     json.RawMessage         `json:"pull_request"`
}

func (g githubIssue) issue() Issue {
	i := Issue{Number: g.Number, URL: g.URL, Open: g.State == "open", ClosedAt: g.ClosedAt}
	if g.ClosedBy != nil {
		i.ClosedBy = g.ClosedBy.Login
	}
	return i
}

// Find is the issue whose body holds the marker; false if there is none. GitHub's
// search knows what was written some time ago, and lists know what was written just
// now: together they miss nothing that was written since before.
func (g *GitHub) Find(ctx context.Context, marker string, since time.Time) (Issue, bool, error) {
	var found struct {
		Items []githubIssue `json:"items"`
	}
	q := url.Values{"q": {fmt.Sprintf(`"%s" in:body is:issue repo:%s`, marker, g.repo)}, "per_page": {"100"}}
	if _, err := g.wire.do(ctx, http.MethodGet, "/search/issues?"+q.Encode(), nil, &found); err != nil {
		return Issue{}, false, err
	}
	for _, i := range found.Items {
		if marked(i.Body, marker) {
			return i.issue(), true, nil
		}
	}
	var hit githubIssue
	q = url.Values{"state": {"all"}, "since": {since.UTC().Format(time.RFC3339)}, "sort": {"created"}, "direction": {"desc"}, "per_page": {"100"}}
	err := g.wire.pages(ctx, g.path("?")+q.Encode(), func(page json.RawMessage) (bool, error) {
		var list []githubIssue
		if err := json.Unmarshal(page, &list); err != nil {
			return false, fmt.Errorf("GitHub's list of issues cannot be read: %w", err)
		}
		for _, i := range list {
			if len(i.Pull) == 0 && marked(i.Body, marker) {
				hit = i
				return true, nil
			}
		}
		return false, nil
	})
	return hit.issue(), hit.Number != 0, err
}

func (g *GitHub) path(rest string) string {
	owner, name, _ := strings.Cut(g.repo, "/")
	return "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + "/issues" + rest
}

// Create makes an issue.
func (g *GitHub) Create(ctx context.Context, d Draft) (Issue, error) {
	var made githubIssue
	in := map[string]any{"title": d.Title, "body": d.Body}
	if len(d.Labels) > 0 {
		in["labels"] = d.Labels
	}
	_, err := g.wire.do(ctx, http.MethodPost, g.path(""), in, &made)
	if err == nil && made.Number == 0 {
		err = fmt.Errorf("GitHub answers without the number of the issue: is its api_url right?")
	}
	return made.issue(), err
}

// Read is an issue as it stands.
func (g *GitHub) Read(ctx context.Context, number int) (Issue, error) {
	var i githubIssue
	_, err := g.wire.do(ctx, http.MethodGet, g.path(fmt.Sprintf("/%d", number)), nil, &i)
	return i.issue(), err
}

// Set opens or closes an issue; done says why it is closed.
func (g *GitHub) Set(ctx context.Context, number int, open, done bool) error {
	in := map[string]string{"state": "open"}
	if !open {
		in = map[string]string{"state": "closed", "state_reason": "not_planned"}
		if done {
			in["state_reason"] = "completed"
		}
	}
	_, err := g.wire.do(ctx, http.MethodPatch, g.path(fmt.Sprintf("/%d", number)), in, nil)
	return err
}
