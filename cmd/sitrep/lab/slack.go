package lab

import (
	"net/http"
	"strings"
	"sync"
	"time"
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

const slackScopes = "chat:write,usergroups:read,chat:write.public,channels:read,channels:join,channels:history,channels:manage,groups:read,groups:write," +
	"pins:read,pins:write,reactions:read,bookmarks:read,bookmarks:write,files:write,commands,users:read"

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
	lastTS   int64  // microseconds
	host     string // under which it was asked last

	plans   []*slackPlan // oldest first
	planned int
	files   []*slackFile

	sockets   []*slackSocket
	tickets   []string // for connections that were asked for
	spent     int
	envelopes int
	waiting   map[string]chan struct{} // envelopes that are not acknowledged
	clicks    int
	triggers  map[string]bool // presses that may open a modal
	view      map[string]any  // the modal that is open
}

type slackChannel struct {
	id, name             string
	member, archived, im bool
	private              bool
	creator, topic       string
	created              int64 // seconds
	users, pinned        []string
	bookmarks            []slackBookmark
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
	Files       []*slackFile `json:"files,omitempty"`
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
func newSlack(log *ledger, now func() time.Time) http.Handler { return newSlackStandIn(log, now) }

func newSlackStandIn(log *ledger, now func() time.Time) *slackStandIn {
	s := &slackStandIn{log: log, now: now, buckets: map[string]*tokenBucket{}, waiting: map[string]chan struct{}{}, triggers: map[string]bool{}}
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
		"chat.postEphemeral":    perMinute(100, s.chatPostEphemeral),

		"conversations.create":   perMinute(20, s.conversationsCreate),
		"conversations.setTopic": perMinute(20, s.conversationsSetTopic),
		"conversations.invite":   perMinute(50, s.conversationsInvite),
		"conversations.archive":  perMinute(20, s.conversationsArchive),

		"conversations.unarchive": perMinute(20, s.conversationsUnarchive),
		"usergroups.list":         perMinute(20, s.usergroupsList),

		"pins.add":       perMinute(20, s.pinsAdd),
		"bookmarks.list": perMinute(20, s.bookmarksList),
		"bookmarks.add":  perMinute(20, s.bookmarksAdd),

		"files.getUploadURLExternal":   perMinute(100, s.filesGetUploadURL),
		"files.completeUploadExternal": perMinute(100, s.filesCompleteUpload),

		"chat.scheduleMessage":        perMinute(50, s.chatScheduleMessage),
		"chat.deleteScheduledMessage": perMinute(50, s.chatDeleteScheduledMessage),
		"chat.scheduledMessages.list": perMinute(50, s.chatScheduledMessagesList),

		"apps.connections.open": perMinute(50, s.appsConnectionsOpen),
		"views.open":            perMinute(100, s.viewsOpen),
	}
	s.channels = []*slackChannel{
		{id: "C01ABGENERAL", name: "general", member: true},
		{id: "C01ABINCIDENTS", name: "incidents", member: true},
		{id: "C01ABENGINEERING", name: "engineering"}, // public, and the bot is not in it
		{id: "C01ABOUTAGES", name: "outages-2019", archived: true},
		{id: "C01ABSTAKEHOLDERS", name: "stakeholders", member: true},
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
	if r.URL.Path == "/link/" {
		s.link(w, r)
		return
	}
	s.log.serve(w, r, s.now, slackMaxBody, s.answer)
}

// besides answers what is not the Web API: the upload of a file, the answer to a
// command, and the gestures of people (see gesture).
func (s *slackStandIn) besides(r *http.Request, body []byte) (out reply, is bool) {
	id, upload := strings.CutPrefix(r.URL.Path, "/upload/v1/")
	switch {
	case r.Method != http.MethodPost:
	case upload:
		return s.upload(id, body), true
	case strings.HasPrefix(r.URL.Path, "/response/"):
		return reply{text: "ok"}, true
	case r.URL.Path == "/do":
		return s.perform(body), true
	}
	return out, false
}

func (s *slackStandIn) answer(r *http.Request, body []byte) reply {
	if out, is := s.besides(r, body); is {
		return out
	}
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
	case token != labSlackToken && token != labSlackAppToken:
		return nil, refuse("invalid_auth")
	case (name == "apps.connections.open") != (token == labSlackAppToken):
		return nil, refuse("not_allowed_token_type")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host = r.Host
	s.due()
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
