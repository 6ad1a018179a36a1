package slack

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

var groupID = regexp.MustCompile(`^S[A-Z0-9]{1,31}$`)

const longestHandle = 81 // characters

// isHandle says whether text may be the handle of a user group, "@oncall". It is no
// regular expression: that with Unicode's classes of letters took every start of sitrep
// longer than all others together.
func isHandle(text string) bool {
	name, ok := strings.CutPrefix(text, "@")
	foreign := func(r rune) bool {
		return !unicode.In(r, unicode.Ll, unicode.Lo, unicode.N) && !strings.ContainsRune("._-", r)
	}
	return ok && name != "" && utf8.RuneCountInString(text) <= longestHandle && utf8.ValidString(text) && !strings.ContainsFunc(name, foreign)
}

// groupsFor is how long the list of user groups is believed, groupsRetry how long
// after a failure it is not asked for again: a page waits for it.
const (
	groupsFor   = time.Hour
	groupsRetry = 10 * time.Minute
)

// groups is the user groups of the workspace, by handle.
type groups struct {
	ids   map[string]string
	until time.Time // believed
}

// mention calls one of those whom a message is for: a person by the ID that the
// configuration gives, a user group by ID or handle ("slack:@oncall", or "@oncall"
// where the configuration gives that). It is empty for nobody.
func (a attempt) mention(ctx context.Context, who incident.Person) string {
	id, named := strings.CutPrefix(string(who), "slack:")
	if !named {
		if a.config.Mention == nil {
			return ""
		}
		id = a.config.Mention(who)
	}
	switch {
	case userID.MatchString(id):
		return "<@" + id + ">"
	case groupID.MatchString(id):
		return "<!subteam^" + id + ">"
	case !isHandle(id):
		return ""
	}
	if group := a.group(ctx, id[1:]); group != "" {
		return "<!subteam^" + group + ">"
	}
	return escape(id, maxHeader) // nobody is called by it, and everybody sees who was meant
}

// group is the ID of a user group, empty if there is none of that handle or the list
// cannot be had. Source: Slack, usergroups.list.
func (a attempt) group(ctx context.Context, name string) string {
	now := time.Now()
	a.mu.Lock()
	known := a.groups
	a.mu.Unlock()
	if now.Before(known.until) {
		return known.ids[name]
	}
	got := a.look(func(api *slack.Client) { _, _ = api.GetUserGroupsContext(ctx) })
	var said struct {
		Groups []struct {
			ID, Handle string
			Deleted    int64 `json:"date_delete"`
		} `json:"usergroups"`
	}
	fresh := groups{ids: map[string]string{}, until: now.Add(groupsFor)}
	if got.Class != escalation.Done || json.Unmarshal(got.body, &said) != nil {
		fresh.ids, fresh.until = known.ids, now.Add(groupsRetry) // the old list is better than none
	}
	for _, g := range said.Groups {
		if groupID.MatchString(g.ID) && g.Deleted == 0 {
			fresh.ids[g.Handle] = g.ID
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.groups = fresh
	return fresh.ids[name]
}
