package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/incident"
)

// mostListed bounds the answer to /sitrep list: what Slack shows without folding.
const mostListed = 25

const commandHelp = `/sitrep list - the open incidents
/sitrep declare SEV-2 TITLE - open one, and page whoever the policy names
/sitrep ack INC-1 - you have it
/sitrep note INC-1 TEXT - onto the timeline; "-7m TEXT" is back-dated
/sitrep severity INC-1 SEV-1 REASON
/sitrep update INC-1 TEXT - what people outside are told
/sitrep go, /sitrep no-go WHY - what you answer to a game day
/sitrep halt WHY - the game day ends: load stops, what was done is undone`

// command is a /sitrep. Only the one who wrote it sees the answer.
func (s *Socket) command(ctx context.Context, api *slack.Client, payload json.RawMessage) {
	var p slack.SlashCommand
	if json.Unmarshal(payload, &p) != nil || !userID.MatchString(p.UserID) {
		return
	}
	once := "slack/command/" + p.TriggerID
	if p.TriggerID == "" || !s.first(once) {
		return
	}
	err := s.mayAct(p.UserID, p.TeamID)
	said := ""
	if err == nil {
		said, err = s.obey(ctx, api, once, p.UserID, plainText(p.Text))
	}
	switch {
	case again(err):
		return
	case err != nil:
		said = told(err)
	}
	s.respond(ctx, p.ResponseURL, said)
}

// obey carries a command out and says what came of it.
func (s *Socket) obey(ctx context.Context, api *slack.Client, once, user, text string) (string, error) {
	verb, rest := word(text)
	desk := s.desk(once)
	switch strings.ToLower(verb) {
	case "", "list":
		return s.list(ctx)
	case "declare":
		which, title := word(rest)
		sev, err := incident.ParseSeverity(which)
		if err != nil {
			return "", err
		}
		inc, err := s.Declare(ctx, desk, s.by(ctx, api, user), sev, title)
		return fmt.Sprintf("%s %s %s is open", inc.ID, inc.Severity, inc.Title), err
	case "go", "no-go", "nogo":
		return s.answer(ctx, once, s.by(ctx, api, user), DayAnswer{Go: strings.EqualFold(verb, "go"), Note: clean(rest)})
	case "halt":
		return s.halt(ctx, once, s.by(ctx, api, user), "", clean(rest))
	case "ack", "note", "severity", "update":
	case "help":
		return commandHelp, nil
	default:
		return "", fmt.Errorf("%q is no command:\n%s", cut(oneLine(verb), maxTitle), commandHelp)
	}
	which, rest := word(rest)
	id, err := incident.ParseID(which)
	if err != nil {
		return "", err
	}
	by := s.by(ctx, api, user)
	said := ""
	switch strings.ToLower(verb) {
	case "ack":
		_, err = desk.Acknowledge(ctx, by, id)
		said = fmt.Sprintf("%s is yours, %s", id, by.Actor)
	case "note":
		_, err = desk.Note(ctx, by, id, rest)
		said = fmt.Sprintf("%s: noted", id)
	case "severity":
		to, reason := word(rest)
		sev, bad := incident.ParseSeverity(to)
		if bad != nil {
			return "", bad
		}
		_, err = desk.ChangeSeverity(ctx, by, id, sev, reason)
		said = fmt.Sprintf("%s is %s now", id, sev)
	case "update":
		_, err = desk.Update(ctx, by, id, incident.Update{Conditions: rest})
		said = fmt.Sprintf("%s: the update is recorded", id)
	}
	return said, err
}

// list is the open incidents, the newest last.
func (s *Socket) list(ctx context.Context) (string, error) {
	open, err := s.Timeline.Incidents(ctx, true, 0)
	if err != nil {
		return "", err
	}
	if len(open) == 0 {
		return "no incident is open", nil
	}
	var lines []string
	for _, inc := range open[:min(len(open), mostListed)] {
		state := string(inc.Status)
		if inc.Acknowledged() {
			state += ", " + string(inc.Clocks.AckBy) + " has it"
		}
		lines = append(lines, cut(oneLine(fmt.Sprintf("%s %s %s: %s, since %s", inc.ID, inc.Severity, inc.Title, state,
			inc.Clocks.Declared.UTC().Format("2006-01-02 15:04 UTC"))), maxHeader))
	}
	if more := len(open) - mostListed; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n"), nil
}

// respond answers where the command said, so that it works in channels that the
// bot is not in.
func (s *Socket) respond(ctx context.Context, to, said string) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(s.APIURL, "https:")) {
		return
	}
	body, err := json.Marshal(map[string]string{"response_type": "ephemeral", "text": escape(clean(said), maxText)})
	if err != nil {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	client := *s.HTTP
	client.Timeout, client.CheckRedirect = patience, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		s.Problem(fmt.Sprintf("the answer to a command in Slack was not taken: %v", hide(err, to)))
		return
	}
	_ = resp.Body.Close()
}

// word is the first word of a text, and the rest.
func word(text string) (first, rest string) {
	text = strings.TrimSpace(text)
	i := strings.IndexFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' })
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimSpace(text[i:])
}

// at is a ts as a time; zero for none.
func at(ts string) time.Time {
	var seconds, micros int64
	if !timestamp.MatchString(ts) {
		return time.Time{}
	}
	if _, err := fmt.Sscanf(ts, "%d.%d", &seconds, &micros); err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, micros*1000).UTC()
}
