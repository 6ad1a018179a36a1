package lab

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// labSlackToken is the bot token of the lab's workspace. It opens nothing
// anywhere else.
const labSlackToken = "xoxb-1ab-sitrep-demo"

// Limits of the Web API. Source: docs.slack.dev, "Rate limits" and the pages of
// the methods. How large a burst of posts may be is not said.
const (
	slackMaxBody     = 1 << 20
	slackPostText    = 40_000 // the real one cuts, which the lab makes visible by refusing
	slackUpdateText  = 4_000
	slackAttachments = 100
	slackMetadata    = 8 << 10
	slackPostBurst   = 5

	slackKept = 2000 // messages of a channel
)

const slackScopes = "chat:write,chat:write.public,channels:read,channels:join,channels:history,users:read"

const (
	slackTeam = "T01ABSITREP"
	slackApp  = "A01ABSITREP"
	slackBot  = "B01ABSITREP"
	slackSelf = "U01ABSITREP" // the bot as a user
	slackAna  = "U01ABANA"
	slackBob  = "U01ABBOB"
)

// slackStandIn is a workspace that accepts and refuses as the real one and shows
// its messages to nobody. Only what a notifier calls is there.
type slackStandIn struct {
	log     *ledger
	now     func() time.Time
	methods map[string]slackMethod

	mu       sync.Mutex
	channels []*slackChannel
	buckets  map[string]*tokenBucket
	lastTS   int64 // microseconds
}

type slackChannel struct {
	id, name             string
	member, archived, im bool
	messages             []*slackMessage // oldest first
}

type slackMessage struct {
	Type        string       `json:"type"`
	Subtype     string       `json:"subtype,omitempty"`
	User        string       `json:"user"`
	BotID       string       `json:"bot_id,omitempty"`
	AppID       string       `json:"app_id,omitempty"`
	Team        string       `json:"team"`
	Text        string       `json:"text"`
	TS          string       `json:"ts"`
	Thread      string       `json:"thread_ts,omitempty"`
	Parent      string       `json:"parent_user_id,omitempty"`
	Blocks      any          `json:"blocks,omitempty"`
	Attachments any          `json:"attachments,omitempty"`
	Metadata    any          `json:"metadata,omitempty"`
	Edited      *slackEdited `json:"edited,omitempty"`
	Replies     int          `json:"reply_count,omitempty"`
	LatestReply string       `json:"latest_reply,omitempty"`

	micros int64
}

type slackEdited struct {
	User string `json:"user"`
	TS   string `json:"ts"`
}

// slackMethod is one of the API and how often an app may call it; those with
// every 0 see to that themselves.
type slackMethod struct {
	call  func(slackArgs) (slackAnswer, *slackFault)
	burst int
	every time.Duration
}

type slackAnswer map[string]any

// slackFault is an answer with "ok": false.
type slackFault struct {
	code     string
	messages []string      // what exactly, as JSON pointers into the blocks
	wait     time.Duration // of a 429
}

func refuse(code string) *slackFault { return &slackFault{code: code} }

// newSlack serves the Web API under /api/ and at the root, and GET /ledger.
func newSlack(log *ledger, now func() time.Time) http.Handler {
	s := &slackStandIn{log: log, now: now, buckets: map[string]*tokenBucket{}}
	perMinute := func(n int, call func(slackArgs) (slackAnswer, *slackFault)) slackMethod {
		return slackMethod{call, n, time.Minute / time.Duration(n)}
	}
	s.methods = map[string]slackMethod{
		"auth.test":             perMinute(300, s.authTest),
		"users.info":            perMinute(100, s.usersInfo),
		"conversations.list":    perMinute(20, s.conversationsList),
		"conversations.info":    perMinute(50, s.conversationsInfo),
		"conversations.join":    perMinute(50, s.conversationsJoin),
		"conversations.history": perMinute(50, s.conversationsHistory),
		"conversations.replies": perMinute(50, s.conversationsReplies),
		"chat.update":           perMinute(50, s.chatUpdate),
		"chat.delete":           perMinute(50, s.chatDelete),
		"chat.getPermalink":     perMinute(100, s.chatGetPermalink),
		"chat.postMessage":      {call: s.chatPostMessage},
	}
	s.channels = []*slackChannel{
		{id: "C01ABGENERAL", name: "general", member: true},
		{id: "C01ABINCIDENTS", name: "incidents", member: true},
		{id: "C01ABENGINEERING", name: "engineering"}, // public, and the bot is not in it
		{id: "C01ABOUTAGES", name: "outages-2019", archived: true},
	}
	s.append(s.channels[0], &slackMessage{User: slackAna, Text: "Welcome to the lab: nobody reads this."})
	return s
}

// ServeHTTP routes by hand, for the same reason as the other stand-in.
func (s *slackStandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method+" "+r.URL.Path == "GET /ledger" {
		s.log.ServeHTTP(w, r)
		return
	}
	s.log.serve(w, r, s.now, slackMaxBody, s.answer)
}

func (s *slackStandIn) answer(r *http.Request, body []byte) reply {
	name, rooted := strings.CutPrefix(strings.TrimPrefix(r.URL.Path, "/api"), "/")
	if !rooted || strings.Contains(name, "/") {
		return reply{status: http.StatusNotFound, text: "Not Found", fault: "not found"}
	}
	if len(body) > slackMaxBody {
		return reply{status: http.StatusRequestEntityTooLarge, text: "Request Entity Too Large", fault: "too large"}
	}
	out, fault := s.call(name, r, body)
	if fault == nil {
		out["ok"] = true
		return reply{body: out, header: http.Header{"X-Oauth-Scopes": {slackScopes}}}
	}
	out = slackAnswer{"ok": false, "error": fault.code}
	if fault.messages != nil {
		told := make([]string, len(fault.messages))
		for i, m := range fault.messages {
			told[i] = "[ERROR] " + m
		}
		out["errors"], out["response_metadata"] = fault.messages, map[string]any{"messages": told}
	}
	if fault.code == "unknown_method" {
		out["req_method"] = name
	}
	refusal := reply{body: out, fault: strings.Join(append([]string{fault.code}, fault.messages...), "; ")}
	if fault.wait > 0 {
		refusal.status, refusal.wait = http.StatusTooManyRequests, fault.wait
	}
	return refusal
}

// call checks the method, the form of the arguments, the caller and the rate
// before the method looks at what the arguments say.
func (s *slackStandIn) call(name string, r *http.Request, body []byte) (slackAnswer, *slackFault) {
	method, known := s.methods[name]
	if !known {
		return nil, refuse("unknown_method")
	}
	args, isJSON, fault := slackArguments(r, body)
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer && !isJSON { // in JSON a token does not count
		token, _ = args["token"].(string)
	}
	switch {
	case fault != nil:
		return nil, fault
	case token == "":
		return nil, refuse("not_authed")
	case token != labSlackToken:
		return nil, refuse("invalid_auth")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if method.every > 0 {
		if fault := s.limit(name, method.burst, method.every); fault != nil {
			return nil, fault
		}
	}
	out, fault := method.call(args)
	if fault == nil && isJSON && !strings.Contains(strings.ToLower(r.Header.Get("Content-Type")), "charset") {
		out.warn("missing_charset")
	}
	return out, fault
}

func (s *slackStandIn) limit(what string, burst int, every time.Duration) *slackFault {
	b := s.buckets[what]
	if b == nil {
		b = &tokenBucket{burst: burst, every: every}
		s.buckets[what] = b
	}
	if wait, ok := b.take(s.now()); !ok {
		return &slackFault{code: "ratelimited", wait: wait}
	}
	return nil
}

// warn adds to the warnings of a success.
func (a slackAnswer) warn(code string) {
	meta, _ := a["response_metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	list, _ := meta["warnings"].([]string)
	list = append(list, code)
	meta["warnings"], a["response_metadata"], a["warning"] = list, meta, strings.Join(list, ",")
}

// slackArgs are the arguments of a call: strings from a query or a form, any
// JSON from a JSON body.
type slackArgs map[string]any

func slackArguments(r *http.Request, body []byte) (args slackArgs, isJSON bool, fault *slackFault) {
	args = slackArgs{}
	if fault = args.add(r.URL.Query()); fault != nil || len(body) == 0 {
		return args, false, fault
	}
	header := r.Header.Get("Content-Type")
	if header == "" {
		return args, false, refuse("missing_post_type")
	}
	kind, params, err := mime.ParseMediaType(header)
	switch charset := strings.ToLower(params["charset"]); {
	case err != nil:
		return args, false, refuse("invalid_post_type")
	case charset != "" && charset != "utf-8" && charset != "iso-8859-1":
		return args, false, refuse("invalid_charset")
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return args, false, refuse("invalid_form_data")
		}
		return args, false, args.add(form)
	case "application/json":
		value, err := decodeJSON(body)
		if err != nil {
			return args, true, refuse("invalid_json")
		}
		object, is := value.(map[string]any)
		if !is {
			return args, true, refuse("json_not_object")
		}
		for name, v := range object {
			if !argName.MatchString(name) {
				return args, true, refuse("invalid_arg_name")
			}
			args[name] = v
		}
		return args, true, args.scalars()
	}
	return args, false, refuse("invalid_post_type")
}

var argName = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)

func (a slackArgs) add(form url.Values) *slackFault {
	for name, values := range form {
		switch {
		case strings.HasSuffix(name, "[]") || len(values) > 1:
			return refuse("invalid_array_arg")
		case !argName.MatchString(name):
			return refuse("invalid_arg_name")
		}
		a[name] = values[0]
	}
	return nil
}

// scalars refuses lists and objects where the API takes text.
func (a slackArgs) scalars() *slackFault {
	for name, v := range a {
		switch v.(type) {
		case []any, map[string]any:
			if name != "blocks" && name != "attachments" && name != "metadata" {
				return refuse("invalid_array_arg")
			}
		}
	}
	return nil
}

func (a slackArgs) text(name string) string {
	switch v := a[name].(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v) // a number or a boolean
	}
}

func (a slackArgs) flag(name string) bool {
	v := a.text(name)
	return v == "1" || v == "true"
}

// structured is an argument that holds JSON, itself or as text. The zero value
// of present also stands for an empty text.
func (a slackArgs) structured(name string) (value any, present bool, err error) {
	switch v := a[name].(type) {
	case nil:
		return nil, false, nil
	case string:
		if strings.TrimSpace(v) == "" {
			return nil, false, nil
		}
		value, err = decodeJSON([]byte(v))
		return value, true, err
	default:
		return v, true, nil
	}
}

// The methods. All run with the workspace locked.

func (s *slackStandIn) authTest(slackArgs) (slackAnswer, *slackFault) {
	return slackAnswer{
		"url": "https://sitrep-lab.invalid/", "team": "sitrep lab", "user": "sitrep", "team_id": slackTeam,
		"user_id": slackSelf, "bot_id": slackBot, "is_enterprise_install": false,
	}, nil
}

func slackUser(id string) (name, real string, known bool) {
	switch id {
	case slackSelf:
		return "sitrep", "sitrep", true
	case slackAna:
		return "ana", "Ana Ardelean", true
	case slackBob:
		return "bob", "Bob Brandt", true
	}
	return "", "", false
}

func (s *slackStandIn) usersInfo(a slackArgs) (slackAnswer, *slackFault) {
	id := a.text("user")
	name, full, known := slackUser(id)
	if !known {
		return nil, refuse("user_not_found")
	}
	return slackAnswer{"user": map[string]any{
		"id": id, "team_id": slackTeam, "name": name, "real_name": full, "deleted": false, "is_bot": id == slackSelf,
		"tz": "Etc/UTC", "tz_label": "Coordinated Universal Time", "tz_offset": 0,
		"profile": map[string]any{"real_name": full, "display_name": name, "email": name + "@lab.invalid", "team": slackTeam},
	}}, nil
}

// channel finds a conversation by its ID only: with a name only posting works.
func (s *slackStandIn) channel(a slackArgs) (*slackChannel, *slackFault) {
	id := a.text("channel")
	for _, c := range s.channels {
		if c.id == id {
			return c, nil
		}
	}
	return nil, refuse("channel_not_found")
}

// destination is where to post: a channel by its ID or name, or a person.
func (s *slackStandIn) destination(a slackArgs) (*slackChannel, *slackFault) {
	if c, fault := s.channel(a); fault == nil {
		return c, nil
	}
	to := a.text("channel")
	for _, c := range s.channels {
		if !c.im && c.name == strings.TrimPrefix(to, "#") {
			return c, nil
		}
	}
	if _, _, known := slackUser(to); !known || to == slackSelf {
		return nil, refuse("channel_not_found")
	}
	direct := "D" + to[1:]
	for _, c := range s.channels {
		if c.id == direct {
			return c, nil
		}
	}
	c := &slackChannel{id: direct, name: direct, member: true, im: true}
	s.channels = append(s.channels, c)
	return c, nil
}

func (c *slackChannel) json() map[string]any {
	return map[string]any{
		"id": c.id, "name": c.name, "name_normalized": c.name, "is_channel": !c.im, "is_group": false, "is_im": c.im,
		"is_mpim": false, "is_private": c.im, "is_archived": c.archived, "is_general": c.name == "general", "is_member": c.member,
		"created": 1_700_000_000, "creator": slackAna, "num_members": 3,
		"topic":   map[string]any{"value": "", "creator": "", "last_set": 0},
		"purpose": map[string]any{"value": "", "creator": "", "last_set": 0},
	}
}

func (s *slackStandIn) conversationsList(a slackArgs) (slackAnswer, *slackFault) {
	types := strings.Split(a.text("types"), ",")
	if a.text("types") == "" {
		types = []string{"public_channel"}
	}
	for _, t := range types {
		if !slices.Contains([]string{"public_channel", "private_channel", "mpim", "im"}, t) {
			return nil, refuse("invalid_types")
		}
	}
	limit, fault := a.limit(100, 1000)
	if fault != nil {
		return nil, fault
	}
	after, fault := a.cursor()
	if fault != nil {
		return nil, fault
	}
	list, next := []any{}, ""
	for _, c := range s.channels {
		kind := "public_channel"
		if c.im {
			kind = "im"
		}
		switch {
		case after != "":
			if c.id == after {
				after = ""
			}
		case !slices.Contains(types, kind) || c.archived && a.flag("exclude_archived"):
		case len(list) == limit:
			return slackAnswer{"channels": list, "response_metadata": map[string]any{"next_cursor": encodeCursor(next)}}, nil
		default:
			list, next = append(list, c.json()), c.id
		}
	}
	if after != "" {
		return nil, refuse("invalid_cursor")
	}
	return slackAnswer{"channels": list, "response_metadata": map[string]any{"next_cursor": ""}}, nil
}

func (s *slackStandIn) conversationsInfo(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	if fault != nil {
		return nil, fault
	}
	return slackAnswer{"channel": c.json()}, nil
}

func (s *slackStandIn) conversationsJoin(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	switch {
	case fault != nil:
		return nil, fault
	case c.im:
		return nil, refuse("method_not_supported_for_channel_type")
	case c.archived:
		return nil, refuse("is_archived")
	}
	out, already := slackAnswer{}, c.member
	c.member = true
	out["channel"] = c.json()
	if already {
		out.warn("already_in_channel")
	}
	return out, nil
}

// slackContent is what posting and updating have in common. What was left out
// stays as it is in an update; what is there and empty is removed.
type slackContent struct {
	text                string
	blocks, attachments []any
	metadata            any

	hasText, hasBlocks, hasAttach, hasMetadata bool
}

func (a slackArgs) content(maxText int) (c slackContent, fault *slackFault) {
	c.text, c.hasText = a.text("text"), a["text"] != nil
	if utf8.RuneCountInString(c.text) > maxText {
		return c, refuse("msg_too_long")
	}
	value, present, err := a.structured("blocks")
	list, is := value.([]any)
	if present {
		if err != nil || !is {
			return c, refuse("invalid_blocks_format")
		}
		if fault := checkBlocks(list); fault != nil {
			return c, fault
		}
		c.blocks, c.hasBlocks = list, true
	}
	value, present, err = a.structured("attachments")
	list, is = value.([]any)
	switch {
	case present && (err != nil || !is):
		return c, refuse("invalid_attachments")
	case len(list) > slackAttachments:
		return c, refuse("too_many_attachments")
	case present:
		c.attachments, c.hasAttach = list, true
	}
	value, present, err = a.structured("metadata")
	if present {
		if err != nil {
			return c, refuse("invalid_metadata_format")
		}
		if fault := checkMetadata(value); fault != nil {
			return c, fault
		}
		c.metadata, c.hasMetadata = value, true
		if len(value.(map[string]any)) == 0 {
			c.metadata = nil
		}
	}
	if strings.TrimSpace(c.text) == "" && len(c.blocks) == 0 && len(c.attachments) == 0 {
		return c, refuse("no_text")
	}
	return c, nil
}

var eventType = regexp.MustCompile(`^[0-9A-Za-z_]{1,255}$`)

// checkMetadata takes an empty object, which removes what a message has, or an
// event type and a payload of plain values, objects of those and lists of them.
func checkMetadata(value any) *slackFault {
	object, is := value.(map[string]any)
	if !is {
		return refuse("invalid_metadata_format")
	}
	if len(object) == 0 {
		return nil
	}
	kind, _ := object["event_type"].(string)
	payload, is := object["event_payload"].(map[string]any)
	if !is || !eventType.MatchString(kind) {
		return refuse("invalid_metadata_format")
	}
	if raw, err := encodeJSON(value); err != nil || len(raw) > slackMetadata {
		return refuse("metadata_too_large")
	}
	for _, v := range payload {
		if v == nil {
			return refuse("invalid_metadata_schema")
		}
	}
	return nil
}

func (s *slackStandIn) chatPostMessage(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.destination(a)
	if fault != nil {
		return nil, fault
	}
	if fault := s.limit("chat.postMessage "+c.id, slackPostBurst, time.Second); fault != nil {
		return nil, fault
	}
	if c.archived {
		return nil, refuse("is_archived")
	}
	in, fault := a.content(slackPostText)
	if fault != nil {
		return nil, fault
	}
	m := &slackMessage{User: slackSelf, BotID: slackBot, AppID: slackApp, Text: in.text, Metadata: in.metadata}
	m.setBlocks(in)
	if thread := a.text("thread_ts"); thread != "" {
		if _, ok := parseTS(thread); !ok || !exactTS.MatchString(thread) {
			return nil, refuse("invalid_thread_ts")
		}
		// To a thread that is not there Slack posts as to the channel, and only
		// the missing thread_ts of the answer tells.
		if root := c.root(thread); root != nil {
			m.Thread, m.Parent = root.TS, root.User
			if a.flag("reply_broadcast") {
				m.Subtype = "thread_broadcast"
			}
		}
	}
	s.append(c, m)
	return slackAnswer{"channel": c.id, "ts": m.TS, "message": m.shown(true)}, nil
}

func (m *slackMessage) setBlocks(in slackContent) {
	if in.hasBlocks {
		m.Blocks = nonEmpty(in.blocks)
	}
	if in.hasAttach {
		m.Attachments = nonEmpty(in.attachments)
	}
}

// nonEmpty is nil for an empty list, which is how one is removed.
func nonEmpty(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

func (s *slackStandIn) chatUpdate(a slackArgs) (slackAnswer, *slackFault) {
	c, m, fault := s.own(a, "cant_update_message")
	if fault != nil {
		return nil, fault
	}
	in, fault := a.content(slackUpdateText)
	if fault != nil {
		return nil, fault
	}
	if in.hasText {
		m.Text = in.text
	}
	m.setBlocks(in)
	if in.hasMetadata {
		m.Metadata = in.metadata
	}
	_, at := s.stamp()
	m.Edited = &slackEdited{User: slackSelf, TS: at}
	return slackAnswer{"channel": c.id, "ts": m.TS, "text": m.Text, "message": m.shown(true)}, nil
}

func (s *slackStandIn) chatDelete(a slackArgs) (slackAnswer, *slackFault) {
	c, m, fault := s.own(a, "cant_delete_message")
	if fault != nil {
		return nil, fault
	}
	if root := c.find(m.Thread); m.Thread != "" && root != nil && root != m {
		root.Replies--
	}
	if m.Replies > 0 { // the thread stays, under a stone
		*m = slackMessage{
			Type: m.Type, Subtype: "tombstone", User: "USLACKBOT", Team: m.Team, Text: "This message was deleted.",
			TS: m.TS, Thread: m.Thread, Replies: m.Replies, LatestReply: m.LatestReply, micros: m.micros,
		}
	} else {
		c.messages = slices.DeleteFunc(c.messages, func(o *slackMessage) bool { return o == m })
	}
	return slackAnswer{"channel": c.id, "ts": a.text("ts")}, nil
}

// own finds a message that the bot may change.
func (s *slackStandIn) own(a slackArgs, denied string) (*slackChannel, *slackMessage, *slackFault) {
	c, fault := s.channel(a)
	if fault != nil {
		return nil, nil, fault
	}
	m := c.find(a.text("ts"))
	switch {
	case m == nil:
		return nil, nil, refuse("message_not_found")
	case m.User != slackSelf:
		return nil, nil, refuse(denied)
	}
	return c, m, nil
}

func (s *slackStandIn) chatGetPermalink(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	if fault != nil {
		return nil, fault
	}
	m := c.find(a.text("message_ts"))
	if m == nil {
		return nil, refuse("message_not_found")
	}
	link := fmt.Sprintf("https://sitrep-lab.invalid/archives/%s/p%s", c.id, strings.Replace(m.TS, ".", "", 1))
	return slackAnswer{"channel": c.id, "permalink": link}, nil
}

func (s *slackStandIn) conversationsHistory(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	switch {
	case fault != nil:
		return nil, fault
	case !c.member:
		return nil, refuse("not_in_channel")
	}
	list := slices.DeleteFunc(slices.Clone(c.messages), func(m *slackMessage) bool {
		return m.Thread != "" && m.Thread != m.TS && m.Subtype != "thread_broadcast"
	})
	slices.Reverse(list)
	return a.page(list, nil)
}

func (s *slackStandIn) conversationsReplies(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	switch {
	case fault != nil:
		return nil, fault
	case !c.member:
		return nil, refuse("not_in_channel")
	}
	root := c.root(a.text("ts"))
	if root == nil {
		return nil, refuse("thread_not_found")
	}
	list := slices.DeleteFunc(slices.Clone(c.messages), func(m *slackMessage) bool { return m == root || m.Thread != root.TS })
	return a.page(list, root)
}

// page is the part of list that oldest, latest, limit and cursor ask for. The
// root of a thread comes first on every page, whatever they say.
func (a slackArgs) page(list []*slackMessage, root *slackMessage) (slackAnswer, *slackFault) {
	limit, fault := a.limit(100, 999)
	if fault != nil {
		return nil, fault
	}
	after, fault := a.cursor()
	if fault != nil {
		return nil, fault
	}
	oldest, okOldest := parseTS(a.text("oldest"))
	latest, okLatest := parseTS(a.text("latest"))
	switch {
	case a.text("oldest") != "" && !okOldest:
		return nil, refuse("invalid_ts_oldest")
	case a.text("latest") != "" && !okLatest:
		return nil, refuse("invalid_ts_latest")
	}
	list = slices.DeleteFunc(list, func(m *slackMessage) bool {
		edge := m.micros == oldest || okLatest && m.micros == latest
		return m.micros < oldest || okLatest && m.micros > latest || edge && !a.flag("inclusive")
	})
	if after != "" {
		i := slices.IndexFunc(list, func(m *slackMessage) bool { return m.TS == after })
		if i < 0 {
			return nil, refuse("invalid_cursor")
		}
		list = list[i:]
	}
	out := slackAnswer{"has_more": false}
	if len(list) > limit {
		out["has_more"], out["response_metadata"] = true, map[string]any{"next_cursor": encodeCursor(list[limit].TS)}
		list = list[:limit]
	}
	if root != nil {
		list = append([]*slackMessage{root}, list...)
	}
	messages := make([]slackMessage, len(list))
	for i, m := range list {
		messages[i] = m.shown(a.flag("include_all_metadata"))
	}
	out["messages"] = messages
	return out, nil
}

func (a slackArgs) limit(usual, most int) (int, *slackFault) {
	text := a.text("limit")
	if text == "" || text == "0" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, refuse("invalid_limit")
	}
	return n, nil
}

// A cursor is opaque to callers: the place to go on from.
func encodeCursor(place string) string {
	return base64.StdEncoding.EncodeToString([]byte("next:" + place))
}

func (a slackArgs) cursor() (place string, fault *slackFault) {
	text := a.text("cursor")
	if text == "" {
		return "", nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	place, ok := strings.CutPrefix(string(raw), "next:")
	if err != nil || !ok || place == "" {
		return "", refuse("invalid_cursor")
	}
	return place, nil
}

// shown is a copy for an answer.
func (m *slackMessage) shown(metadata bool) slackMessage {
	c := *m
	if !metadata {
		c.Metadata = nil
	}
	return c
}

// append adds a message, counts it in its thread and forgets the oldest.
func (s *slackStandIn) append(c *slackChannel, m *slackMessage) {
	m.Type, m.Team = "message", slackTeam
	m.micros, m.TS = s.stamp()
	c.messages = append(c.messages, m)
	if root := c.find(m.Thread); root != nil {
		root.Thread, root.LatestReply = root.TS, m.TS
		root.Replies++
	}
	if over := len(c.messages) - slackKept; over > 0 {
		c.messages = slices.Delete(c.messages, 0, over)
	}
}

// stamp gives a time that no message has yet, later than all others.
func (s *slackStandIn) stamp() (micros int64, ts string) {
	s.lastTS = max(s.now().UnixMicro(), s.lastTS+100)
	return s.lastTS, fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
}

func (c *slackChannel) find(ts string) *slackMessage {
	i := slices.IndexFunc(c.messages, func(m *slackMessage) bool { return m.TS == ts })
	if i < 0 {
		return nil
	}
	return c.messages[i]
}

// root is the message that the thread of ts hangs on: itself, if it is no reply.
func (c *slackChannel) root(ts string) *slackMessage {
	m := c.find(ts)
	if m != nil && m.Thread != "" {
		return c.find(m.Thread)
	}
	return m
}

var (
	exactTS = regexp.MustCompile(`^[0-9]{1,10}\.[0-9]{6}$`)
	looseTS = regexp.MustCompile(`^[0-9]{1,10}(\.[0-9]{1,6})?$`)
)

// parseTS reads a timestamp as microseconds; the fraction may be shorter or
// left out, as in the bounds of a history.
func parseTS(text string) (micros int64, ok bool) {
	if !looseTS.MatchString(text) {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(text, ".")
	fraction += strings.Repeat("0", 6-len(fraction))
	micros, err := strconv.ParseInt(whole+fraction, 10, 64)
	return micros, err == nil
}
