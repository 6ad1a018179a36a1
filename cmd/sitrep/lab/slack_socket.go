package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// labSlackAppToken is the app-level token of the lab's workspace. It opens nothing
// anywhere else.
const labSlackAppToken = "xapp-1-A01ABSITREP-1-sitrep-demo"

// How Socket Mode behaves. Source: docs.slack.dev, "Using Socket Mode".
const (
	slackSockets   = 10              // of an app at once
	slackAck       = 3 * time.Second // until an envelope is told again
	slackTries     = 3
	slackPing      = 10 * time.Second
	slackTickets   = 100
	slackMaxAnswer = 20 << 10 // a larger one is dropped without a word
)

// slackSocket is one connection of the app.
type slackSocket struct {
	conn *websocket.Conn
	out  sync.Mutex
}

// envelope is what the app is told, and how often it was.
type envelope struct {
	kind    string
	payload map[string]any
}

func (s *slackStandIn) appsConnectionsOpen(slackArgs) (slackAnswer, *slackFault) {
	s.tickets = append(s.tickets, fmt.Sprintf("%d", len(s.tickets)+1+s.spent))
	if len(s.tickets) > slackTickets {
		s.tickets, s.spent = s.tickets[1:], s.spent+1
	}
	return slackAnswer{"url": "ws://" + s.host + "/link/?ticket=" + s.tickets[len(s.tickets)-1]}, nil
}

// link is the far end of a socket.
func (s *slackStandIn) link(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	i := slices.Index(s.tickets, r.URL.Query().Get("ticket"))
	known := i >= 0
	if known {
		s.tickets, s.spent = slices.Delete(s.tickets, i, i+1), s.spent+1
	}
	full := len(s.sockets) >= slackSockets
	s.mu.Unlock()
	switch {
	case !known:
		http.Error(w, "no such ticket", http.StatusForbidden)
		return
	case full:
		http.Error(w, "too_many_websockets", http.StatusTooManyRequests)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer conn.Close()
	conn.SetReadLimit(slackMaxAnswer)
	sock := &slackSocket{conn: conn}
	s.mu.Lock()
	s.sockets = append(s.sockets, sock)
	n := len(s.sockets)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sockets = slices.DeleteFunc(s.sockets, func(o *slackSocket) bool { return o == sock })
	}()
	err = sock.write(map[string]any{
		"type": "hello", "num_connections": n, "connection_info": map[string]any{"app_id": slackApp},
		"debug_info": map[string]any{"host": "lab", "build_number": 1, "approximate_connection_time": 18060},
	})
	over := make(chan struct{})
	defer close(over)
	go sock.ping(over)
	for err == nil {
		var ack struct {
			ID string `json:"envelope_id"`
		}
		if err = conn.ReadJSON(&ack); err == nil {
			s.acked(ack.ID)
		}
	}
}

func (k *slackSocket) write(v any) error {
	k.out.Lock()
	defer k.out.Unlock()
	return errors.Join(k.conn.SetWriteDeadline(time.Now().Add(slackAck)), k.conn.WriteJSON(v))
}

// ping tells the app that the connection lives.
func (k *slackSocket) ping(over <-chan struct{}) {
	tick := time.NewTicker(slackPing)
	defer tick.Stop()
	for {
		if k.conn.WriteControl(websocket.PingMessage, []byte("lab"), time.Now().Add(slackAck)) != nil {
			return
		}
		select {
		case <-over:
			return
		case <-tick.C:
		}
	}
}

func (s *slackStandIn) acked(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done := s.waiting[id]; done != nil {
		close(done)
		delete(s.waiting, id)
	}
}

// tell tells the app of something in its own time; the workspace is locked.
func (s *slackStandIn) tell(e envelope) {
	if len(s.sockets) > 0 {
		go func() { _ = s.deliver(e) }()
	}
}

// deliver tells one of the app's sockets, again if it does not acknowledge.
func (s *slackStandIn) deliver(e envelope) error {
	for try := range slackTries {
		s.mu.Lock()
		if len(s.sockets) == 0 {
			s.mu.Unlock()
			return errors.New("the app has no socket open")
		}
		s.envelopes++
		id := fmt.Sprintf("e-%d", s.envelopes)
		sock := s.sockets[s.envelopes%len(s.sockets)]
		done := make(chan struct{})
		s.waiting[id] = done
		s.mu.Unlock()
		err := sock.write(map[string]any{
			"type": e.kind, "envelope_id": id, "payload": e.payload, "accepts_response_payload": e.kind != "events_api", "retry_attempt": try,
		})
		if err != nil {
			continue
		}
		select {
		case <-done:
			return nil
		case <-time.After(slackAck):
		}
	}
	return errors.New("the app does not acknowledge")
}

// disconnect ends every socket as Slack does when it moves: the app connects again.
func (s *slackStandIn) disconnect() {
	s.mu.Lock()
	socks := slices.Clone(s.sockets)
	s.mu.Unlock()
	for _, k := range socks {
		_ = k.write(map[string]any{"type": "disconnect", "reason": "refresh_requested"})
	}
}

func pinAdded(user, channel, ts string, now time.Time) envelope {
	return envelope{"events_api", map[string]any{
		"type": "event_callback", "team_id": slackTeam, "api_app_id": slackApp, "event_id": "Ev" + ts + user, "event_time": now.Unix(),
		"event": map[string]any{
			"type": "pin_added", "user": user, "channel_id": channel, "event_ts": ts,
			"item": map[string]any{"type": "message", "channel": channel, "created": now.Unix(), "created_by": user, "message": map[string]any{"type": "message", "ts": ts}},
		},
	}}
}

func reactionAdded(user, channel, ts, emoji string, now time.Time) envelope {
	return envelope{"events_api", map[string]any{
		"type": "event_callback", "team_id": slackTeam, "api_app_id": slackApp, "event_id": "Ev" + ts + emoji + user, "event_time": now.Unix(),
		"event": map[string]any{
			"type": "reaction_added", "user": user, "reaction": emoji, "event_ts": ts,
			"item": map[string]any{"type": "message", "channel": channel, "ts": ts},
		},
	}}
}

// gesture is what somebody does in the workspace, for tests and demonstrations:
// POST /do.
type gesture struct {
	Do      string `json:"do"` // press, submit, command, say, pin, react, disconnect
	User    string `json:"user"`
	Team    string `json:"team"` // the workspace's, if empty
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	Action  string `json:"action"` // of press: the button's action_id
	Value   string `json:"value"`  // of press: of several options that which ends in it
	Text    string `json:"text"`
	Emoji   string `json:"emoji"`
	Thread  string `json:"thread_ts"`
}

// perform does what a gesture says and answers once the app has acknowledged.
func (s *slackStandIn) perform(body []byte) reply {
	var g gesture
	if err := json.Unmarshal(body, &g); err != nil {
		return reply{status: http.StatusBadRequest, text: err.Error(), fault: "bad gesture"}
	}
	if g.Team == "" {
		g.Team = slackTeam
	}
	out := map[string]any{}
	var e envelope
	var err error
	s.mu.Lock()
	s.clicks++
	trigger := fmt.Sprintf("%d.lab", s.clicks)
	switch g.Do {
	case "press":
		e, err = s.pressed(g, trigger)
	case "submit":
		e, err = s.submitted(g)
	case "command":
		e = envelope{"slash_commands", map[string]any{
			"command": "/sitrep", "text": g.Text, "user_id": g.User, "user_name": g.User, "team_id": g.Team, "channel_id": g.Channel,
			"trigger_id": trigger, "api_app_id": slackApp, "response_url": "http://" + s.host + "/response/" + trigger,
		}}
	case "say":
		if c, fault := s.channel(slackArgs{"channel": g.Channel}); fault == nil {
			m := &slackMessage{User: g.User, Text: g.Text}
			if root := c.root(g.Thread); root != nil {
				m.Thread, m.Parent = root.TS, root.User
			}
			s.append(c, m)
			out["ts"] = m.TS
		} else {
			err = errors.New(fault.code)
		}
	case "pin":
		e = pinAdded(g.User, g.Channel, g.TS, s.now())
	case "react":
		e = reactionAdded(g.User, g.Channel, g.TS, g.Emoji, s.now())
	case "disconnect":
	default:
		err = fmt.Errorf("nobody knows how to %q", g.Do)
	}
	s.mu.Unlock()
	if g.Do == "disconnect" {
		s.disconnect()
	}
	if err == nil && e.kind != "" {
		err = s.deliver(e)
	}
	if err != nil {
		return reply{status: http.StatusConflict, text: err.Error(), fault: err.Error()}
	}
	return reply{body: out}
}

// pressed is the press of a button of a message; the workspace is locked.
func (s *slackStandIn) pressed(g gesture, trigger string) (envelope, error) {
	c, fault := s.channel(slackArgs{"channel": g.Channel})
	if fault != nil {
		return envelope{}, errors.New(fault.code)
	}
	m := c.find(g.TS)
	if m == nil {
		return envelope{}, errors.New("message_not_found")
	}
	blocks, _ := m.Blocks.([]any)
	for _, b := range blocks {
		block, _ := b.(map[string]any)
		elements, _ := block["elements"].([]any)
		for _, el := range elements {
			element, _ := el.(map[string]any)
			if element["action_id"] != g.Action {
				continue
			}
			action := map[string]any{"type": element["type"], "action_id": g.Action, "block_id": block["block_id"], "action_ts": trigger}
			if element["type"] == "button" {
				action["value"] = element["value"]
			}
			options, _ := element["options"].([]any)
			for _, o := range options {
				if option, _ := o.(map[string]any); strings.HasSuffix(fmt.Sprint(option["value"]), g.Value) {
					action["selected_option"] = option
				}
			}
			s.triggers[trigger] = true
			return envelope{"interactive", map[string]any{
				"type": "block_actions", "team": map[string]any{"id": slackTeam}, "user": map[string]any{"id": g.User, "team_id": g.Team},
				"api_app_id": slackApp, "trigger_id": trigger, "channel": map[string]any{"id": c.id, "name": c.name},
				"container": map[string]any{"type": "message", "message_ts": m.TS, "channel_id": c.id, "thread_ts": m.Thread},
				"message":   m.shown(false), "actions": []any{action},
			}}, nil
		}
	}
	return envelope{}, fmt.Errorf("the message has no %s", g.Action)
}

// submitted is the modal that was opened last, filled in; the workspace is locked.
func (s *slackStandIn) submitted(g gesture) (envelope, error) {
	if s.view == nil {
		return envelope{}, errors.New("no modal is open")
	}
	view := s.view
	s.view = nil
	values := map[string]any{}
	blocks, _ := view["blocks"].([]any)
	for _, b := range blocks {
		if block, _ := b.(map[string]any); block["type"] == "input" {
			element, _ := block["element"].(map[string]any)
			values[fmt.Sprint(block["block_id"])] = map[string]any{fmt.Sprint(element["action_id"]): map[string]any{"type": element["type"], "value": g.Text}}
		}
	}
	view["state"] = map[string]any{"values": values}
	return envelope{"interactive", map[string]any{
		"type": "view_submission", "team": map[string]any{"id": slackTeam}, "user": map[string]any{"id": g.User, "team_id": g.Team},
		"api_app_id": slackApp, "view": view,
	}}, nil
}

// viewsOpen opens a modal for a press that was a moment ago.
func (s *slackStandIn) viewsOpen(a slackArgs) (slackAnswer, *slackFault) {
	value, _, err := a.structured("view")
	view, is := value.(map[string]any)
	switch {
	case err != nil || !is || view["type"] != "modal":
		return nil, refuse("invalid_arguments")
	case !s.triggers[a.text("trigger_id")]:
		return nil, refuse("invalid_trigger_id")
	}
	delete(s.triggers, a.text("trigger_id"))
	c := blockCheck{actions: map[string]bool{}, blocks: map[string]bool{}}
	c.textObject("/view/title", view["title"], 24, "plain_text")
	c.textObject("/view/submit", view["submit"], 24, "plain_text")
	c.textObject("/view/close", view["close"], 24, "plain_text")
	c.text("/view/private_metadata", view["private_metadata"], 0, 3000)
	for i, b := range c.list("/view/blocks", view["blocks"], 100) {
		if block, _ := b.(map[string]any); block != nil {
			c.block(fmt.Sprintf("/view/blocks/%d", i), block)
		}
	}
	if len(c.faults) > 0 {
		return nil, &slackFault{code: "invalid_arguments", messages: c.faults}
	}
	s.clicks++
	view["id"] = fmt.Sprintf("V01AB%d", s.clicks)
	s.view = view
	return slackAnswer{"view": maps.Clone(view)}, nil // it is written outside of the lock
}

// chatPostEphemeral shows a message to one person; only the ledger keeps it.
func (s *slackStandIn) chatPostEphemeral(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	if fault != nil {
		return nil, fault
	}
	_, _, known := slackUser(a.text("user"))
	switch {
	case c.archived:
		return nil, refuse("is_archived")
	case !known:
		return nil, refuse("user_not_in_channel")
	}
	if _, fault := a.content(slackPostText); fault != nil {
		return nil, fault
	}
	_, ts := s.stamp()
	return slackAnswer{"message_ts": ts}, nil
}
