package lab

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of what an app may do with channels. Source: docs.slack.dev, the methods'
// pages.
const (
	slackTopic     = 250
	slackInvited   = 100
	slackBookmarks = 100
)

var channelName = regexp.MustCompile(`^[a-z0-9_-]+$`)

type slackBookmark struct {
	ID      string `json:"id"`
	Channel string `json:"channel_id"`
	Title   string `json:"title"`
	Link    string `json:"link"`
	Type    string `json:"type"`
}

func (s *slackStandIn) conversationsCreate(a slackArgs) (slackAnswer, *slackFault) {
	name := a.text("name")
	switch {
	case name == "":
		return nil, refuse("invalid_name_required")
	case utf8.RuneCountInString(name) > 80:
		return nil, refuse("invalid_name_maxlength")
	case !channelName.MatchString(name):
		return nil, refuse("invalid_name_specials")
	case slices.ContainsFunc(s.channels, func(c *slackChannel) bool { return c.name == name }):
		return nil, refuse("name_taken")
	}
	c := &slackChannel{
		id: fmt.Sprintf("C01ABROOM%d", len(s.channels)), name: name, member: true, private: a.flag("is_private"),
		creator: slackSelf, created: s.now().Unix(), users: []string{slackSelf},
	}
	s.channels = append(s.channels, c)
	return slackAnswer{"channel": c.json()}, nil
}

// joined finds a channel that the bot may change.
func (s *slackStandIn) joined(a slackArgs) (*slackChannel, *slackFault) {
	c, fault := s.channel(a)
	switch {
	case fault != nil:
		return nil, fault
	case c.im:
		return nil, refuse("method_not_supported_for_channel_type")
	case !c.member:
		return nil, refuse("not_in_channel")
	case c.archived:
		return nil, refuse("is_archived")
	}
	return c, nil
}

func (s *slackStandIn) conversationsSetTopic(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.joined(a)
	if fault != nil {
		return nil, fault
	}
	if utf8.RuneCountInString(a.text("topic")) > slackTopic {
		return nil, refuse("too_long")
	}
	c.topic = a.text("topic")
	return slackAnswer{"channel": c.json()}, nil
}

// conversationsInvite asks people in; with force those whom it can.
func (s *slackStandIn) conversationsInvite(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.joined(a)
	if fault != nil {
		return nil, fault
	}
	users := strings.Split(a.text("users"), ",")
	switch {
	case a.text("users") == "":
		return nil, refuse("no_user")
	case len(users) > slackInvited:
		return nil, refuse("too_many_users")
	}
	var added []string
	var errs []map[string]any
	for _, user := range users {
		_, _, known := slackUser(user)
		code := ""
		switch {
		case user == slackSelf:
			code = "cant_invite_self"
		case !known:
			code = "user_not_found"
		case slices.Contains(c.users, user):
			code = "already_in_channel"
		default:
			added = append(added, user)
			continue
		}
		errs = append(errs, map[string]any{"user": user, "ok": false, "error": code})
	}
	if len(errs) > 0 && (!a.flag("force") || len(added) == 0) {
		return nil, refuse(errs[0]["error"].(string))
	}
	c.users = append(c.users, added...)
	out := slackAnswer{"channel": c.json()}
	if len(errs) > 0 {
		out["errors"] = errs
	}
	return out, nil
}

func (s *slackStandIn) conversationsArchive(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	switch {
	case fault != nil:
		return nil, fault
	case c.im:
		return nil, refuse("method_not_supported_for_channel_type")
	case c.name == "general":
		return nil, refuse("cant_archive_general")
	case c.archived:
		return nil, refuse("already_archived")
	case !c.member:
		return nil, refuse("not_in_channel")
	}
	c.archived = true
	return slackAnswer{}, nil
}

func (s *slackStandIn) conversationsUnarchive(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.channel(a)
	switch {
	case fault != nil:
		return nil, fault
	case !c.archived:
		return nil, refuse("not_archived")
	case !c.member:
		return nil, refuse("not_in_channel")
	}
	c.archived = false
	return slackAnswer{}, nil
}

// slackOncall is the user group of the lab's workspace.
const slackOncall = "S01ABONCALL"

func (s *slackStandIn) usergroupsList(slackArgs) (slackAnswer, *slackFault) {
	return slackAnswer{"usergroups": []map[string]any{
		{"id": slackOncall, "team_id": slackTeam, "is_usergroup": true, "name": "On call", "handle": "oncall", "date_delete": 0},
		{"id": "S01ABOLD", "team_id": slackTeam, "is_usergroup": true, "name": "Gone", "handle": "gone", "date_delete": 1772000000},
	}}, nil
}

func (s *slackStandIn) pinsAdd(a slackArgs) (slackAnswer, *slackFault) {
	c, fault := s.joined(a)
	if fault != nil {
		return nil, fault
	}
	ts := a.text("timestamp")
	switch {
	case ts == "":
		return nil, refuse("no_item_specified")
	case c.find(ts) == nil:
		return nil, refuse("message_not_found")
	case slices.Contains(c.pinned, ts):
		return nil, refuse("already_pinned")
	}
	c.pinned = append(c.pinned, ts)
	s.tell(pinAdded(slackSelf, c.id, ts, s.now()))
	return slackAnswer{}, nil
}

func (s *slackStandIn) bookmarksList(a slackArgs) (slackAnswer, *slackFault) {
	a["channel"] = a["channel_id"]
	c, fault := s.joined(a)
	if fault != nil {
		return nil, fault
	}
	return slackAnswer{"bookmarks": append([]slackBookmark{}, c.bookmarks...)}, nil
}

func (s *slackStandIn) bookmarksAdd(a slackArgs) (slackAnswer, *slackFault) {
	a["channel"] = a["channel_id"]
	c, fault := s.joined(a)
	if fault != nil {
		return nil, fault
	}
	link, err := url.Parse(a.text("link"))
	switch {
	case a.text("title") == "" || a.text("type") != "link":
		return nil, refuse("invalid_arguments")
	case err != nil || link.Host == "" || link.Scheme != "http" && link.Scheme != "https":
		return nil, refuse("invalid_link")
	case len(c.bookmarks) >= slackBookmarks:
		return nil, refuse("too_many_bookmarks")
	}
	b := slackBookmark{ID: fmt.Sprintf("Bk%d", len(c.bookmarks)+1), Channel: c.id, Title: a.text("title"), Link: a.text("link"), Type: "link"}
	c.bookmarks = append(c.bookmarks, b)
	return slackAnswer{"bookmark": b}, nil
}
