package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/escalation"
)

// Permalink is where a message is, by the address of its workspace
// ("https://shop.slack.com/") and its Ref; empty if one of them is none. Source: Slack,
// chat.getPermalink, whose answer it is.
func Permalink(workspace, messageRef string) string {
	m, ok := parseRef(messageRef)
	u, err := url.Parse(workspace)
	if !ok || err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	link := url.URL{Scheme: "https", Host: u.Host, Path: "/archives/" + m.channel + "/p" + strings.ReplaceAll(m.ts, ".", "")}
	if m.thread != "" {
		link.RawQuery = url.Values{"thread_ts": {m.thread}, "cid": {m.channel}}.Encode()
	}
	return link.String()
}

// learn offers to ask for the address of the workspace. What comes of it changes
// nothing for the message that was just accepted.
func (a attempt) learn(ctx context.Context) {
	if a.config.Learn == nil || !a.content.Headline {
		return
	}
	a.config.Learn(ctx, func() (string, bool) {
		got := a.look(func(api *slack.Client) { _, _ = api.AuthTestContext(ctx) })
		var said struct{ URL string }
		if got.Class != escalation.Done || json.Unmarshal(got.body, &said) != nil {
			return "", false
		}
		u, err := url.Parse(said.URL)
		return said.URL, err == nil && u.Scheme == "https" && u.Host != ""
	})
}
