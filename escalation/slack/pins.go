package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/incident"
)

// event is a pin or a reaction on a message.
func (s *Socket) event(ctx context.Context, api *slack.Client, payload json.RawMessage) {
	var p struct {
		Team  string `json:"team_id"`
		Event struct {
			Type     string
			User     string
			UserTeam string `json:"user_team"`
			Reaction string
			Item     struct {
				Channel string
				TS      string
				Message struct{ TS string }
			}
		}
	}
	if json.Unmarshal(payload, &p) != nil || p.Event.User == s.self || !userID.MatchString(p.Event.User) {
		return
	}
	e := p.Event
	switch e.Type {
	case "pin_added":
	case "reaction_added":
		if emoji, _, _ := strings.Cut(e.Reaction, "::"); s.Emoji == "" || emoji != s.Emoji { // "::skin-tone-2"
			return
		}
	default:
		return
	}
	ts := e.Item.TS + e.Item.Message.TS // one of them is given
	if e.UserTeam == "" {
		e.UserTeam = p.Team
	}
	if !channelID.MatchString(e.Item.Channel) || !timestamp.MatchString(ts) || s.mayAct(e.User, e.UserTeam) != nil {
		return
	}
	if err := s.keep(ctx, api, e.Item.Channel, ts); err != nil {
		s.Problem(fmt.Sprintf("a message that was marked in Slack is not on the timeline: %v", hide(err)))
	}
}

// keep puts a message of an incident's thread, or channel, on its timeline: at its
// time, in the name of who wrote it, once however often it is marked.
func (s *Socket) keep(ctx context.Context, api *slack.Client, channel, ts string) error {
	list, _, _, err := api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
		ChannelID: channel, Timestamp: ts, Oldest: ts, Latest: ts, Inclusive: true, Limit: 1, IncludeAllMetadata: true,
	})
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Timestamp != ts || m.User == s.self || m.Metadata.EventType == eventType {
			continue
		}
		id, err := s.about(ctx, channel, m.ThreadTimestamp)
		if err != nil || id == "" {
			return err
		}
		text := clean(plainText(m.Text))
		if text == "" {
			continue
		}
		by := incident.By{Actor: s.Person(m.User), Via: "slack:" + m.User, Source: "slack", At: at(ts)}
		if by.Actor == "" {
			by.Actor, by.Claimed = s.nameOf(ctx, api, m.User), true
		}
		once := fmt.Sprintf("slack/message/%s/%s", channel, ts)
		_, err = onceOnly{s.Timeline, once}.Decide(ctx, id, func(inc incident.Incident) ([]incident.Event, error) { return inc.Note(by, text) })
		if err != nil && !again(err) {
			return err
		}
	}
	return nil
}

// about is the incident of a thread, else that of the channel; empty for none.
func (s *Socket) about(ctx context.Context, channel, thread string) (incident.ID, error) {
	if thread != "" {
		if id, err := s.Timeline.About(ctx, ref{channel: channel, ts: thread}.String()); err != nil || id != "" {
			return id, err
		}
	}
	return s.Timeline.About(ctx, channel)
}

var marked = regexp.MustCompile(`<([^<>]*)>`)

// plainText is what Slack's text says: entities as themselves, links as their
// words and address, mentions as their names.
func plainText(text string) string {
	text = marked.ReplaceAllStringFunc(text, func(found string) string {
		inner, label, labelled := strings.Cut(found[1:len(found)-1], "|")
		switch {
		case inner == "":
			return ""
		case strings.ContainsRune("@#!", rune(inner[0])) && labelled:
			return inner[:1] + strings.TrimLeft(label, "@#!")
		case strings.ContainsRune("@#!", rune(inner[0])):
			return inner
		case labelled && label != inner:
			return label + " (" + inner + ")"
		}
		return inner
	})
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}
