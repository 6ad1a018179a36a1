// Package trackertest is GitHub's and GitLab's issues as their API contracts have
// them, on a server of its own, for tests of whoever asks them.
package trackertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Issue is one as the server has it.
type Issue struct {
	Number      int
	Title, Body string
	Labels      []string
	Closed      bool
	Reason      string // GitHub's state_reason
	ClosedBy    string
	ClosedAt    time.Time
	Updated     time.Time
	Pull        bool
	Indexed     bool // GitHub's search knows it
}

// Answer is one that the server gives instead of doing what it is asked.
type Answer struct {
	Status int
	Header map[string]string
	Body   string
	Drop   bool // it does it, and the answer is lost
}

// Server is one of either kind. Its base is URL; the repository is acme/shop and the
// token "right".
type Server struct {
	URL    string
	GitLab bool

	mu      sync.Mutex
	issues  []*Issue
	next    []Answer
	Asked   []string // methods and paths, in order
	perPage int
}

// New starts a server that ends with the test.
func New(t testing.TB, gitlab bool) *Server {
	s := &Server{GitLab: gitlab, perPage: 100}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	if gitlab {
		s.URL += "/api/v4"
	}
	return s
}

// Next has the next requests that make or change something answered so.
func (s *Server) Next(a ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, a...)
}

// Change is for what people do there.
func (s *Server) Change(f func(issues []*Issue) []*Issue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issues = f(s.issues)
}

// Issues is a copy of what there is.
func (s *Server) Issues() (list []Issue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.issues {
		list = append(list, *i)
	}
	return list
}

// Log is what was asked, and forgets it.
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.Asked
	s.Asked = nil
	return log
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Asked = append(s.Asked, r.Method+" "+r.URL.EscapedPath())
	if r.Header.Get("Authorization") != "Bearer right" && r.Header.Get("Private-Token") != "right" {
		answer(w, Answer{Status: 401, Body: `{"message":"Bad credentials"}`})
		return
	}
	drop := false
	if len(s.next) > 0 && r.Method != http.MethodGet {
		a := s.next[0]
		s.next = s.next[1:]
		if drop = a.Drop; !drop {
			answer(w, a)
			return
		}
	}
	code, body, link := s.act(r)
	if drop {
		panic(http.ErrAbortHandler)
	}
	if link != "" {
		w.Header().Set("Link", link)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	answer(w, Answer{Status: code, Body: string(text)})
}

func answer(w http.ResponseWriter, a Answer) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write([]byte(a.Body)) // whoever asked has gone
}

func (s *Server) act(r *http.Request) (code int, body any, link string) {
	root := "/repos/acme/shop/issues"
	if s.GitLab {
		root = "/api/v4/projects/acme%2Fshop/issues"
	}
	path, q := r.URL.EscapedPath(), r.URL.Query()
	switch rest, ours := strings.CutPrefix(path, root); {
	case path == "/search/issues" && !s.GitLab:
		return s.search(q.Get("q"))
	case !ours:
		return 404, map[string]string{"message": "Not Found"}, ""
	case rest == "" && r.Method == http.MethodGet:
		return s.list(r.URL, q)
	case rest == "" && r.Method == http.MethodPost:
		return s.create(r)
	default:
		n, _ := strconv.Atoi(strings.TrimPrefix(rest, "/"))
		for _, i := range s.issues {
			if i.Number == n {
				return s.one(r, i)
			}
		}
		return 404, map[string]string{"message": "Not Found"}, ""
	}
}

// search knows what was indexed, which GitHub does a while after the fact.
func (s *Server) search(q string) (int, any, string) {
	word, _, _ := strings.Cut(strings.TrimPrefix(q, `"`), `"`)
	found := []any{}
	for _, i := range s.issues {
		if i.Indexed && !i.Pull && strings.Contains(i.Body, word) && strings.Contains(q, "repo:acme/shop") {
			found = append(found, s.shown(i, false))
		}
	}
	return 200, map[string]any{"total_count": len(found), "incomplete_results": false, "items": found}, ""
}

func (s *Server) list(u *url.URL, q url.Values) (int, any, string) {
	since, _ := time.Parse(time.RFC3339, q.Get("since"))
	all := []any{}
	for at := len(s.issues) - 1; at >= 0; at-- { // the newest first, by both
		i := s.issues[at]
		if s.GitLab && !strings.Contains(i.Body, q.Get("search")) || i.Updated.Before(since) {
			continue
		}
		if !s.GitLab && q.Get("state") != "all" && i.Closed {
			continue
		}
		all = append(all, s.shown(i, false))
	}
	per, _ := strconv.Atoi(q.Get("per_page"))
	per = min(max(per, 20), s.perPage)
	page, _ := strconv.Atoi(q.Get("page"))
	page = max(page, 1)
	link := ""
	if page*per < len(all) {
		q.Set("page", strconv.Itoa(page+1))
		link = fmt.Sprintf(`<http://elsewhere.example%s?%s>; rel="next", <http://elsewhere.example/x>; rel="last"`, u.EscapedPath(), q.Encode())
	}
	return 200, all[min((page-1)*per, len(all)):min(page*per, len(all))], link
}

func (s *Server) create(r *http.Request) (int, any, string) {
	var in struct {
		Title, Body, Description string
		Labels                   any
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return 400, map[string]string{"message": "Problems parsing JSON"}, ""
	}
	if in.Title == "" {
		if s.GitLab {
			return 400, map[string]any{"message": map[string][]string{"title": {"can't be blank"}}}, ""
		}
		return 422, map[string]any{"message": "Validation Failed", "errors": []any{map[string]string{"resource": "Issue", "field": "title", "code": "missing_field"}}}, ""
	}
	i := &Issue{Number: len(s.issues) + 1, Title: in.Title, Body: in.Body + in.Description, Updated: time.Now()}
	switch l := in.Labels.(type) {
	case string:
		i.Labels = strings.Split(l, ",")
	case []any:
		for _, one := range l {
			i.Labels = append(i.Labels, fmt.Sprint(one))
		}
	}
	s.issues = append(s.issues, i)
	return 201, s.shown(i, true), ""
}

func (s *Server) one(r *http.Request, i *Issue) (int, any, string) {
	var in struct {
		State  string `json:"state"`
		Reason string `json:"state_reason"`
		Event  string `json:"state_event"`
	}
	if r.Method == http.MethodPatch && !s.GitLab || r.Method == http.MethodPut && s.GitLab {
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			return 400, map[string]string{"message": "Problems parsing JSON"}, ""
		}
		i.Closed = in.State == "closed" || in.Event == "close"
		i.Reason, i.ClosedBy, i.Updated = in.Reason, "sitrep-bot", time.Now()
	}
	return 200, s.shown(i, true), ""
}

// shown is an issue as the API tells it; whole is that of one by its number.
func (s *Server) shown(i *Issue, whole bool) map[string]any {
	state := "open"
	if s.GitLab {
		state = "opened"
	}
	if i.Closed {
		state = "closed"
	}
	var at any
	if i.Closed && !i.ClosedAt.IsZero() {
		at = i.ClosedAt.UTC().Format(time.RFC3339)
	}
	if s.GitLab {
		return map[string]any{
			"iid": i.Number, "id": 9000 + i.Number, "web_url": fmt.Sprintf("https://gitlab.example/acme/shop/-/issues/%d", i.Number), "state": state,
			"title": i.Title, "description": i.Body, "closed_at": at, "closed_by": closer(i, "username"),
		}
	}
	out := map[string]any{
		"number": i.Number, "id": 9000 + i.Number, "html_url": fmt.Sprintf("https://github.example/acme/shop/issues/%d", i.Number), "state": state,
		"title": i.Title, "body": i.Body, "closed_at": at,
	}
	if whole { // lists do not say who
		out["closed_by"] = closer(i, "login")
	}
	if i.Pull {
		out["pull_request"] = map[string]string{"url": "x"}
	}
	return out
}

func closer(i *Issue, key string) any {
	if !i.Closed || i.ClosedBy == "" {
		return nil
	}
	return map[string]string{key: i.ClosedBy}
}
