package slack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
)

const token = "xoxb-1234-5678-AbCdEf"

// server is the part of Slack's Web API that a sender needs, as its contract
// says: it checks what it gets, shows what it took, and remembers the calls.
type server struct {
	*httptest.Server

	mu       sync.Mutex
	fault    func(w http.ResponseWriter, r *http.Request, method string) bool
	channels map[string]*channel // by id
	pageSize int                 // of lists; 0 = what was asked for
	clock    int
	calls    []string // methods
}

type channel struct {
	id, name                  string
	member, private, archived bool
	messages                  []*message
}

type message struct {
	TS       string          `json:"ts"`
	Thread   string          `json:"thread_ts,omitempty"`
	Text     string          `json:"text"`
	Blocks   json.RawMessage `json:"blocks,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Bot      string          `json:"bot_id"`
}

func newServer(t *testing.T) *server {
	s := &server{channels: map[string]*channel{}, clock: 1_772_334_000}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	s.add(&channel{id: "C0GENERAL", name: "general", member: true})
	s.add(&channel{id: "C0INC", name: "incidents", member: true})
	return s
}

func (s *server) add(c *channel) { s.channels[c.id] = c }

// answerBy has fault asked first; what it says true to is answered.
func (s *server) answerBy(fault func(w http.ResponseWriter, r *http.Request, method string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	if err := r.ParseForm(); err != nil || method == r.URL.Path {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, method)
	if s.fault != nil && s.fault(w, r, method) {
		return
	}
	reply(w, s.answer(method, r.Form, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(code string) map[string]any { return map[string]any{"ok": false, "error": code} }

// answer does what the method does; the server is locked.
func (s *server) answer(method string, form url.Values, bearer string) map[string]any {
	if form.Get("token") != token && bearer != token {
		return refuse("invalid_auth")
	}
	if method == "auth.test" {
		return map[string]any{"ok": true, "url": "https://shop.slack.com/", "team_id": "T0", "user_id": "U0BOT"}
	}
	if method == "usergroups.list" {
		return map[string]any{"ok": true, "usergroups": []map[string]any{
			{"id": "S0ONCALL", "handle": "oncall", "date_delete": 0}, {"id": "S0GONE", "handle": "gone", "date_delete": 1_700_000_000},
		}}
	}
	if method == "conversations.list" {
		return s.list(form)
	}
	c := s.channels[form.Get("channel")]
	if c == nil && method == "chat.postMessage" { // the one method that takes names
		for _, named := range s.channels {
			if !named.private && strings.TrimPrefix(form.Get("channel"), "#") == named.name {
				c = named
			}
		}
	}
	switch {
	case c == nil:
		return refuse("channel_not_found")
	case method == "conversations.join":
		if c.private {
			return refuse("method_not_supported_for_channel_type")
		}
		c.member = true
		return map[string]any{"ok": true, "channel": map[string]any{"id": c.id, "name": c.name}}
	case method == "conversations.unarchive":
		switch {
		case !c.archived:
			return refuse("not_archived")
		case !c.member:
			return refuse("not_in_channel")
		}
		c.archived = false
		return map[string]any{"ok": true}
	case c.archived:
		return refuse("is_archived")
	case !c.member:
		return refuse("not_in_channel")
	}
	switch method {
	case "chat.postMessage":
		return s.post(c, form)
	case "chat.update":
		return s.update(c, form)
	case "chat.delete":
		before := len(c.messages)
		c.messages = slices.DeleteFunc(c.messages, func(m *message) bool { return m.TS == form.Get("ts") })
		if len(c.messages) == before {
			return refuse("message_not_found")
		}
		return map[string]any{"ok": true, "channel": c.id, "ts": form.Get("ts")}
	case "conversations.history":
		return s.page(c, form, func(m *message) bool { return m.Thread == "" })
	case "conversations.replies":
		root := form.Get("ts")
		if !slices.ContainsFunc(c.messages, func(m *message) bool { return m.TS == root }) {
			return refuse("thread_not_found")
		}
		return s.page(c, form, func(m *message) bool { return m.TS == root || m.Thread == root })
	}
	return refuse("unknown_method")
}

func (s *server) post(c *channel, form url.Values) map[string]any {
	if code := checkWords(form, 40_000); code != "" {
		return refuse(code)
	}
	m := &message{Text: form.Get("text"), Blocks: raw(form.Get("blocks")), Thread: form.Get("thread_ts"), Metadata: raw(form.Get("metadata")), Bot: "B1"}
	s.clock++
	m.TS = fmt.Sprintf("%d.%06d", s.clock, s.clock%1000)
	c.messages = append(c.messages, m)
	return map[string]any{"ok": true, "channel": c.id, "ts": m.TS, "message": m}
}

func (s *server) update(c *channel, form url.Values) map[string]any {
	if code := checkWords(form, 4000); code != "" {
		return refuse(code)
	}
	i := slices.IndexFunc(c.messages, func(m *message) bool { return m.TS == form.Get("ts") })
	if i < 0 {
		return refuse("message_not_found")
	}
	m := c.messages[i]
	m.Text, m.Blocks = form.Get("text"), raw(form.Get("blocks"))
	if form.Has("metadata") {
		m.Metadata = raw(form.Get("metadata"))
	}
	return map[string]any{"ok": true, "channel": c.id, "ts": m.TS, "text": m.Text, "message": m}
}

func raw(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

// page is one page of a channel, newest first, as history shows it.
func (s *server) page(c *channel, form url.Values, in func(*message) bool) map[string]any {
	var all []*message
	for _, m := range slices.Backward(c.messages) {
		if in(m) && (form.Get("oldest") == "" || m.TS >= form.Get("oldest")) {
			shown := *m
			if form.Get("include_all_metadata") != "1" {
				shown.Metadata = nil
			}
			all = append(all, &shown)
		}
	}
	from, to, next := s.window(form, len(all))
	return map[string]any{
		"ok": true, "messages": append([]*message{}, all[from:to]...), "has_more": next != "",
		"response_metadata": map[string]any{"next_cursor": next},
	}
}

func (s *server) list(form url.Values) map[string]any {
	var all []map[string]any
	ids := make([]string, 0, len(s.channels))
	for id := range s.channels {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		c := s.channels[id]
		kind := "public_channel"
		if c.private {
			kind = "private_channel"
		}
		if strings.Contains(form.Get("types"), kind) && (!c.archived || form.Get("exclude_archived") != "true") {
			all = append(all, map[string]any{"id": c.id, "name": c.name})
		}
	}
	from, to, next := s.window(form, len(all))
	return map[string]any{"ok": true, "channels": all[from:to], "response_metadata": map[string]any{"next_cursor": next}}
}

func (s *server) window(form url.Values, n int) (from, to int, next string) {
	from, _ = strconv.Atoi(form.Get("cursor"))
	limit, _ := strconv.Atoi(form.Get("limit"))
	if s.pageSize > 0 {
		limit = s.pageSize
	}
	to = min(n, from+limit)
	if to < n {
		next = strconv.Itoa(to)
	}
	return from, to, next
}

// checkWords says what Slack would not take, by its error code.
func checkWords(form url.Values, most int) string {
	length := func(s string) int { return len(utf16.Encode([]rune(s))) }
	switch text := form.Get("text"); {
	case text == "":
		return "no_text"
	case length(text) > most:
		return "msg_too_long"
	}
	if !form.Has("blocks") {
		return ""
	}
	var blocks []struct {
		Type string
		Text struct{ Type, Text string }
	}
	if json.Unmarshal([]byte(form.Get("blocks")), &blocks) != nil || len(blocks) == 0 || len(blocks) > 50 {
		return "invalid_blocks"
	}
	total := 0
	for _, b := range blocks {
		n := length(b.Text.Text)
		total += n
		limit, ok := map[string]int{"header/plain_text": 150, "section/mrkdwn": 3000}[b.Type+"/"+b.Text.Type]
		if !ok || n == 0 || n > limit {
			return "invalid_blocks"
		}
	}
	if total > 13_200 {
		return "msg_blocks_too_long"
	}
	return ""
}

// shown is what a channel shows now, oldest first.
func (s *server) shown(id string) []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []message
	for _, m := range s.channels[id].messages {
		all = append(all, *m)
	}
	return all
}

// asked is the methods called since the last time.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}
