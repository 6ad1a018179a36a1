package lab

import (
	"slices"
	"strings"
)

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
	creator, created := c.creator, c.created
	if creator == "" {
		creator, created = slackAna, 1_700_000_000
	}
	return map[string]any{
		"id": c.id, "name": c.name, "name_normalized": c.name, "is_channel": !c.im && !c.private, "is_group": c.private, "is_im": c.im,
		"is_mpim": false, "is_private": c.im || c.private, "is_archived": c.archived, "is_general": c.name == "general", "is_member": c.member,
		"created": created, "creator": creator, "num_members": max(3, len(c.users)),
		"topic":   map[string]any{"value": c.topic, "creator": "", "last_set": 0},
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
		switch {
		case c.im:
			kind = "im"
		case c.private:
			kind = "private_channel"
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
