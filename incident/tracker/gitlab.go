package tracker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// GitLab is the issues of one project, by its REST API (v4).
type GitLab struct {
	wire    wire
	project string // group/name, or its number
}

// NewGitLab is the issues of project at base (https://gitlab.com/api/v4), for whoever
// the token says.
func NewGitLab(base, project, token string, transport http.RoundTripper) *GitLab {
	return &GitLab{newWire("GitLab", base, http.Header{"Private-Token": {token}, "Accept": {"application/json"}}, transport), project}
}

type gitlabIssue struct {
	Number   int       `json:"iid"`
	URL      string    `json:"web_url"`
	State    string    `json:"state"` // opened, closed
	Body     string    `json:"description"`
	ClosedAt time.Time `json:"closed_at"`
	ClosedBy *struct {
		Name string `json:"username"`
	} `json:"closed_by"`
}

func (g gitlabIssue) issue() Issue {
	i := Issue{Number: g.Number, URL: g.URL, Open: g.State == "opened", ClosedAt: g.ClosedAt}
	if g.ClosedBy != nil {
		i.ClosedBy = g.ClosedBy.Name
	}
	return i
}

func (g *GitLab) path(rest string) string {
	return "/projects/" + url.PathEscape(g.project) + "/issues" + rest
}

// Find is the issue whose description holds the marker; false if there is none.
// GitLab searches in its database, so that what was just written is found, and since
// does not matter.
func (g *GitLab) Find(ctx context.Context, marker string, _ time.Time) (Issue, bool, error) {
	var hit gitlabIssue
	q := url.Values{"search": {marker}, "in": {"description"}, "scope": {"all"}, "per_page": {"100"}}
	err := g.wire.pages(ctx, g.path("?")+q.Encode(), func(page json.RawMessage) (bool, error) {
		var list []gitlabIssue
		if err := json.Unmarshal(page, &list); err != nil {
			return false, fmt.Errorf("GitLab's list of issues cannot be read: %w", err)
		}
		for _, i := range list {
			if marked(i.Body, marker) {
				hit = i
				return true, nil
			}
		}
		return false, nil
	})
	return hit.issue(), hit.Number != 0, err
}

// Create makes an issue.
func (g *GitLab) Create(ctx context.Context, d Draft) (Issue, error) {
	var made gitlabIssue
	in := map[string]string{"title": d.Title, "description": d.Body}
	if len(d.Labels) > 0 {
		in["labels"] = strings.Join(d.Labels, ",")
	}
	_, err := g.wire.do(ctx, http.MethodPost, g.path(""), in, &made)
	if err == nil && made.Number == 0 {
		err = errors.New("GitLab answers without the number of the issue: is its api_url right?")
	}
	return made.issue(), err
}

// Read is an issue as it stands.
func (g *GitLab) Read(ctx context.Context, number int) (Issue, error) {
	var i gitlabIssue
	_, err := g.wire.do(ctx, http.MethodGet, g.path(fmt.Sprintf("/%d", number)), nil, &i)
	return i.issue(), err
}

// Set opens or closes an issue. GitLab knows no reasons.
func (g *GitLab) Set(ctx context.Context, number int, open, _ bool) error {
	event := "close"
	if open {
		event = "reopen"
	}
	_, err := g.wire.do(ctx, http.MethodPut, g.path(fmt.Sprintf("/%d", number)), map[string]string{"state_event": event}, nil)
	return err
}
