package lab

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// What may be scheduled. Source: docs.slack.dev, chat.scheduleMessage and
// chat.deleteScheduledMessage.
const (
	slackFarthest = 120 * 24 * time.Hour
	slackWindow   = 5 * time.Minute
	slackInWindow = 30
	slackTooNear  = time.Minute // for being taken back
)

// slackPlan is a message that the workspace will say by itself.
type slackPlan struct {
	id      string
	channel *slackChannel
	at      time.Time
	made    time.Time
	content slackContent
}

func (s *slackStandIn) chatScheduleMessage(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.destination(a)
	if fault != nil {
		return nil, fault
	}
	seconds, err := strconv.ParseInt(a.text("post_at"), 10, 64)
	at, now := time.Unix(seconds, 0), s.now()
	switch {
	case c.archived:
		return nil, refuse("is_archived")
	case err != nil:
		return nil, refuse("invalid_time")
	case !at.After(now):
		return nil, refuse("time_in_past")
	case at.Sub(now) > slackFarthest:
		return nil, refuse("time_too_far")
	}
	near := 0
	for _, p := range s.plans {
		if p.channel == c && p.at.Sub(at).Abs() < slackWindow {
			near++
		}
	}
	if near >= slackInWindow {
		return nil, refuse("restricted_too_many")
	}
	in, fault := a.content(slackPostText)
	if fault != nil {
		return nil, fault
	}
	s.planned++
	p := &slackPlan{id: fmt.Sprintf("Q01AB%d", s.planned), channel: c, at: at, made: now, content: in}
	s.plans = append(s.plans, p)
	return slackAnswer{"channel": c.id, "scheduled_message_id": p.id, "post_at": seconds, "message": map[string]any{"text": in.text, "type": "delayed_message"}}, nil
}

func (s *slackStandIn) chatDeleteScheduledMessage(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	if fault != nil {
		return nil, fault
	}
	i := slices.IndexFunc(s.plans, func(p *slackPlan) bool { return p.channel == c && p.id == a.text("scheduled_message_id") })
	if i < 0 || s.plans[i].at.Sub(s.now()) < slackTooNear {
		return nil, refuse("invalid_scheduled_message_id")
	}
	s.plans = slices.Delete(s.plans, i, i+1)
	return slackAnswer{}, nil
}

func (s *slackStandIn) chatScheduledMessagesList(a slackArgs) (slackAnswer, *slackFault) {
	limit, fault := a.limit(100, 1000)
	if fault != nil {
		return nil, fault
	}
	after, fault := a.cursor()
	if fault != nil {
		return nil, fault
	}
	list, next := []any{}, ""
	for _, p := range s.plans {
		switch {
		case a.text("channel") != "" && p.channel.id != a.text("channel"):
		case after != "":
			if p.id == after {
				after = ""
			}
		case len(list) == limit:
			return slackAnswer{"scheduled_messages": list, "response_metadata": map[string]any{"next_cursor": encodeCursor(next)}}, nil
		default:
			list, next = append(list, map[string]any{
				"id": p.id, "channel_id": p.channel.id, "post_at": p.at.Unix(), "date_created": p.made.Unix(), "text": p.content.text,
			}), p.id
		}
	}
	return slackAnswer{"scheduled_messages": list, "response_metadata": map[string]any{"next_cursor": ""}}, nil
}

// due says what was scheduled for now or before.
func (s *slackStandIn) due() {
	now := s.now()
	s.plans = slices.DeleteFunc(s.plans, func(p *slackPlan) bool {
		if p.at.After(now) {
			return false
		}
		m := &slackMessage{User: slackSelf, BotID: slackBot, AppID: slackApp, Text: p.content.text}
		m.setBlocks(p.content)
		s.append(p.channel, m)
		return true
	})
}
