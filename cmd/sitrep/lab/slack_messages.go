package lab

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

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
