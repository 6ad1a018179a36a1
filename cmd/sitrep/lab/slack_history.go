package lab

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

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
