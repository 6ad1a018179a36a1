package lab

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
)

// slackForm calls a method as slack-go does and gives the answer.
func slackForm(t testing.TB, h http.Handler, method string, args ...string) map[string]any {
	t.Helper()
	form := url.Values{"token": {labSlackToken}}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	_, _, body := standInCall(t, h, "POST", "/api/"+method, "application/x-www-form-urlencoded", form.Encode())
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &got), body)
	return got
}

const (
	incidents   = "C01ABINCIDENTS"
	engineering = "C01ABENGINEERING"
)

func TestSlackLetsNobodyElseIn(t *testing.T) {
	s := newSlack(newLedger(), newStandInClock().now)
	const form, asJSON = "application/x-www-form-urlencoded", "application/json; charset=utf-8"
	post := "channel=%23incidents&text=hello"
	for name, c := range map[string]struct {
		kind, body, bearer, want string
	}{
		"no token":          {form, post, "", "not_authed"},
		"another token":     {form, post + "&token=xoxb-1", "", "invalid_auth"},
		"another bearer":    {form, post, "Bearer xoxb-1", "invalid_auth"},
		"no bearer at all":  {form, post, "Basic " + labSlackToken, "not_authed"},
		"token in the form": {form, post + "&token=" + labSlackToken, "", ""},
		"bearer and form":   {form, post, "Bearer " + labSlackToken, ""},
		"bearer and JSON":   {asJSON, `{"channel":"#incidents","text":"hello"}`, "Bearer " + labSlackToken, ""},
		"token in the JSON": {asJSON, `{"channel":"#incidents","text":"hello","token":"` + labSlackToken + `"}`, "", "not_authed"},
		"broken JSON":       {asJSON, `{"channel":`, "Bearer " + labSlackToken, "invalid_json"},
		"JSON of a list":    {asJSON, `[]`, "Bearer " + labSlackToken, "json_not_object"},
		"odd name in JSON":  {asJSON, `{"a b":1}`, "Bearer " + labSlackToken, "invalid_arg_name"},
		"list for text":     {asJSON, `{"channel":["#incidents"],"text":"hello"}`, "Bearer " + labSlackToken, "invalid_array_arg"},
		"odd name in form":  {form, "a%20b=1", "Bearer " + labSlackToken, "invalid_arg_name"},
		"a list in a form":  {form, "channel[]=a", "Bearer " + labSlackToken, "invalid_array_arg"},
		"twice in a form":   {form, "channel=a&channel=b", "Bearer " + labSlackToken, "invalid_array_arg"},
		"broken form":       {form, "channel=%zz", "Bearer " + labSlackToken, "invalid_form_data"},
		"no content type":   {"", post, "Bearer " + labSlackToken, "missing_post_type"},
		"as XML":            {"text/xml", post, "Bearer " + labSlackToken, "invalid_post_type"},
		"as nonsense":       {";", post, "Bearer " + labSlackToken, "invalid_post_type"},
		"as latin-2":        {form + "; charset=latin2", post, "Bearer " + labSlackToken, "invalid_charset"},
	} {
		var headers []string
		if c.bearer != "" {
			headers = []string{"Authorization", c.bearer}
		}
		status, _, body := standInCall(t, s, "POST", "/api/chat.postMessage", c.kind, c.body, headers...)
		require.Equal(t, http.StatusOK, status, "Slack refuses with 200")
		var got struct {
			OK    bool   `json:"ok"`
			Error string `json:"error"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		require.Equal(t, c.want, got.Error, name)
		require.Equal(t, c.want == "", got.OK, name)
	}
	_, _, body := standInCall(t, s, "POST", "/api/auth.test", "application/json", "{}", "Authorization", "Bearer "+labSlackToken)
	require.Contains(t, body, `"warning":"missing_charset"`)
	_, _, body = standInCall(t, s, "POST", "/api/chat.meMessage", form, "x=1")
	require.JSONEq(t, `{"ok":false,"error":"unknown_method","req_method":"chat.meMessage"}`, body)
	for _, path := range []string{"/api/chat/postMessage", "/x/api/auth.test", "/api//auth.test", "/apiauth.test"} {
		status, _, _ := standInCall(t, s, "POST", path, form, "token="+labSlackToken)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	status, _, _ := standInCall(t, s, "POST", "/api/chat.postMessage", form, strings.Repeat("x", slackMaxBody+1))
	require.Equal(t, http.StatusRequestEntityTooLarge, status)
}

func TestSlackBothBasePaths(t *testing.T) {
	s := newSlack(newLedger(), newStandInClock().now)
	for _, path := range []string{"/auth.test", "/api/auth.test"} {
		_, header, body := standInCall(t, s, "GET", path+"?token="+labSlackToken, "", "")
		require.JSONEq(t, `{"ok":true,"url":"https://sitrep-lab.invalid/","team":"sitrep lab","user":"sitrep","team_id":"T01ABSITREP","user_id":"U01ABSITREP","bot_id":"B01ABSITREP","is_enterprise_install":false}`, body)
		require.Contains(t, header.Get("X-OAuth-Scopes"), "chat:write")
	}
}

func TestSlackPostsWhereItMay(t *testing.T) {
	s := newSlack(newLedger(), newStandInClock().now)
	for to, want := range map[string]string{
		"#incidents": incidents, "incidents": incidents, incidents: incidents,
		"#engineering": engineering, // public: a bot may post without being in it
		slackBob:       "D01ABBOB",
		"#nowhere":     "channel_not_found", "": "channel_not_found", "#": "channel_not_found", "#Incidents": "channel_not_found",
		"@bob": "channel_not_found", slackSelf: "channel_not_found", "#outages-2019": "is_archived",
	} {
		got := slackForm(t, s, "chat.postMessage", "channel", to, "text", "hello")
		if got["ok"] == true {
			require.Equal(t, want, got["channel"], "the answer names the ID")
			continue
		}
		require.Equal(t, want, got["error"], to)
	}
	// Only posting takes a name.
	for _, method := range []string{"chat.update", "chat.delete", "conversations.history", "conversations.replies", "conversations.info", "conversations.join", "chat.getPermalink"} {
		require.Equal(t, "channel_not_found", slackForm(t, s, method, "channel", "#incidents", "ts", "1.000000", "text", "x")["error"], method)
	}
}

func TestSlackContent(t *testing.T) {
	section := func(n int) string {
		return `{"type":"section","text":{"type":"mrkdwn","text":"` + strings.Repeat("é", n) + `"}}`
	}
	many := func(n int, block string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(block+",", n), ",") + "]"
	}
	button := func(id string, n int) string {
		return `{"type":"button","action_id":"` + id + `","text":{"type":"plain_text","text":"` + strings.Repeat("b", n) + `"}}`
	}
	for name, c := range map[string]struct {
		args []string
		want string // "" = ok
		says string // in the messages
	}{
		"text":                   {[]string{"text", "hello"}, "", ""},
		"nothing":                {nil, "no_text", ""},
		"blank":                  {[]string{"text", " \n"}, "no_text", ""},
		"no blocks":              {[]string{"blocks", "[]"}, "no_text", ""},
		"the longest text":       {[]string{"text", strings.Repeat("é", 40_000)}, "", ""},
		"too long":               {[]string{"text", strings.Repeat("é", 40_001)}, "msg_too_long", ""},
		"blocks alone":           {[]string{"blocks", many(1, section(3000))}, "", ""},
		"blocks in words":        {[]string{"blocks", "hello"}, "invalid_blocks_format", ""},
		"blocks an object":       {[]string{"blocks", `{"type":"divider"}`}, "invalid_blocks_format", ""},
		"two lists":              {[]string{"blocks", "[][]"}, "invalid_blocks_format", ""},
		"block no object":        {[]string{"blocks", `["x"]`}, "invalid_blocks", "must provide an object [json-pointer:/blocks/0]"},
		"no type":                {[]string{"blocks", `[{}]`}, "invalid_blocks", "missing required field: type [json-pointer:/blocks/0]"},
		"type a number":          {[]string{"blocks", `[{"type":1}]`}, "invalid_blocks", "must be a string [json-pointer:/blocks/0/type]"},
		"unknown type":           {[]string{"blocks", `[{"type":"divider"},{"type":"markdwon"}]`}, "invalid_blocks", "unsupported type: markdwon [json-pointer:/blocks/1/type]"},
		"long section":           {[]string{"blocks", many(1, section(3001))}, "invalid_blocks", "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
		"empty section":          {[]string{"blocks", many(1, section(0))}, "invalid_blocks", "must be more than 0 characters [json-pointer:/blocks/0/text/text]"},
		"section of nothing":     {[]string{"blocks", `[{"type":"section"}]`}, "invalid_blocks", "missing required field: text [json-pointer:/blocks/0]"},
		"text a string":          {[]string{"blocks", `[{"type":"section","text":"x"}]`}, "invalid_blocks", "must provide an object [json-pointer:/blocks/0/text]"},
		"text of HTML":           {[]string{"blocks", `[{"type":"section","text":{"type":"html","text":"x"}}]`}, "invalid_blocks", "unsupported type: html [json-pointer:/blocks/0/text/type]"},
		"emoji in mrkdwn":        {[]string{"blocks", `[{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}]`}, "invalid_blocks", "invalid additional property: emoji [json-pointer:/blocks/0/text]"},
		"an unknown property":    {[]string{"blocks", `[{"type":"divider","colour":1}]`}, "invalid_blocks", "invalid additional property: colour [json-pointer:/blocks/0]"},
		"50 blocks":              {[]string{"blocks", many(50, `{"type":"divider"}`)}, "", ""},
		"51 blocks":              {[]string{"blocks", many(51, `{"type":"divider"}`)}, "invalid_blocks", "no more than 50 items allowed [json-pointer:/blocks]"},
		"much in all":            {[]string{"blocks", many(4, section(3000))}, "", ""},
		"too much in all":        {[]string{"blocks", many(5, section(3000))}, "msg_blocks_too_long", ""},
		"fields":                 {[]string{"blocks", `[{"type":"section","fields":` + many(10, `{"type":"mrkdwn","text":"x"}`) + `}]`}, "", ""},
		"11 fields":              {[]string{"blocks", `[{"type":"section","fields":` + many(11, `{"type":"mrkdwn","text":"x"}`) + `}]`}, "invalid_blocks", "no more than 10 items allowed [json-pointer:/blocks/0/fields]"},
		"a long field":           {[]string{"blocks", `[{"type":"section","fields":[{"type":"mrkdwn","text":"` + strings.Repeat("x", 2001) + `"}]}]`}, "invalid_blocks", "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"},
		"no fields":              {[]string{"blocks", `[{"type":"section","fields":[]}]`}, "invalid_blocks", "no less than 1 items allowed [json-pointer:/blocks/0/fields]"},
		"header":                 {[]string{"blocks", `[{"type":"header","text":{"type":"plain_text","text":"` + strings.Repeat("h", 150) + `"}}]`}, "", ""},
		"long header":            {[]string{"blocks", `[{"type":"header","text":{"type":"plain_text","text":"` + strings.Repeat("h", 151) + `"}}]`}, "invalid_blocks", "must be less than 151 characters [json-pointer:/blocks/0/text/text]"},
		"header in mrkdwn":       {[]string{"blocks", `[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]`}, "invalid_blocks", "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"},
		"header of nothing":      {[]string{"blocks", `[{"type":"header"}]`}, "invalid_blocks", "missing required field: text [json-pointer:/blocks/0]"},
		"context":                {[]string{"blocks", `[{"type":"context","elements":[{"type":"mrkdwn","text":"x"},{"type":"image","image_url":"https://h/x","alt_text":"x"}]}]`}, "", ""},
		"context of nothing":     {[]string{"blocks", `[{"type":"context"}]`}, "invalid_blocks", "must provide an array [json-pointer:/blocks/0/elements]"},
		"image without words":    {[]string{"blocks", `[{"type":"image","image_url":"https://h/x"}]`}, "invalid_blocks", "missing required field: alt_text [json-pointer:/blocks/0]"},
		"a button":               {[]string{"blocks", `[{"type":"actions","elements":[` + button("a", 75) + `]}]`}, "", ""},
		"a long button":          {[]string{"blocks", `[{"type":"actions","elements":[` + button("a", 76) + `]}]`}, "invalid_blocks", "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"},
		"two buttons, one ID":    {[]string{"blocks", `[{"type":"actions","elements":[` + button("a", 1) + `,` + button("a", 1) + `]}]`}, "invalid_blocks", "`action_id` \"a\" already exists [json-pointer:/blocks/0/elements/1/action_id]"},
		"an accessory":           {[]string{"blocks", `[{"type":"section","text":{"type":"mrkdwn","text":"x"},"accessory":` + button("a", 1) + `}]`}, "", ""},
		"two blocks, one ID":     {[]string{"blocks", many(2, `{"type":"divider","block_id":"b"}`)}, "invalid_blocks", "`block_id` \"b\" already exists [json-pointer:/blocks/1/block_id]"},
		"rich text":              {[]string{"blocks", `[{"type":"rich_text","elements":[]}]`}, "", ""},
		"markdown":               {[]string{"blocks", `[{"type":"markdown","text":"**x**"}]`}, "", ""},
		"attachments":            {[]string{"attachments", `[{"text":"x"}]`}, "", ""},
		"attachments in words":   {[]string{"attachments", `x`}, "invalid_attachments", ""},
		"101 attachments":        {[]string{"attachments", many(101, "{}")}, "too_many_attachments", ""},
		"metadata":               {[]string{"text", "x", "metadata", `{"event_type":"sitrep_outbox","event_payload":{"id":"01J","n":1,"tags":["a"],"o":{"p":true}}}`}, "", ""},
		"no metadata":            {[]string{"text", "x", "metadata", `{}`}, "", ""},
		"metadata in words":      {[]string{"text", "x", "metadata", `x`}, "invalid_metadata_format", ""},
		"metadata a list":        {[]string{"text", "x", "metadata", `[]`}, "invalid_metadata_format", ""},
		"metadata without type":  {[]string{"text", "x", "metadata", `{"event_payload":{}}`}, "invalid_metadata_format", ""},
		"type with a dot":        {[]string{"text", "x", "metadata", `{"event_type":"sitrep.outbox","event_payload":{}}`}, "invalid_metadata_format", ""},
		"no payload":             {[]string{"text", "x", "metadata", `{"event_type":"a"}`}, "invalid_metadata_format", ""},
		"a null in the metadata": {[]string{"text", "x", "metadata", `{"event_type":"a","event_payload":{"a":null}}`}, "invalid_metadata_schema", ""},
		"much metadata":          {[]string{"text", "x", "metadata", `{"event_type":"a","event_payload":{"a":"` + strings.Repeat("x", 9000) + `"}}`}, "metadata_too_large", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSlack(newLedger(), newStandInClock().now)
			got := slackForm(t, s, "chat.postMessage", append([]string{"channel", "#incidents"}, c.args...)...)
			if c.want == "" {
				require.Equal(t, true, got["ok"], "%v", got)
				return
			}
			require.Equal(t, c.want, got["error"], "%v", got)
			if c.says == "" {
				require.NotContains(t, got, "response_metadata")
				return
			}
			require.Equal(t, c.says, got["errors"].([]any)[0])
			require.Equal(t, "[ERROR] "+c.says, got["response_metadata"].(map[string]any)["messages"].([]any)[0])
		})
	}
}

func TestSlackUpdates(t *testing.T) {
	s := newSlack(newLedger(), newStandInClock().now)
	const one, two = `{"event_type":"a","event_payload":{"id":"1"}}`, `{"event_type":"a","event_payload":{"id":"2"}}`
	ts := slackForm(t, s, "chat.postMessage", "channel", incidents, "text", "v1", "blocks", `[{"type":"divider"}]`, "metadata", one)["ts"].(string)
	update := func(args ...string) map[string]any {
		t.Helper()
		return slackForm(t, s, "chat.update", append([]string{"channel", incidents, "ts", ts}, args...)...)
	}
	current := func() map[string]any {
		t.Helper()
		got := slackForm(t, s, "conversations.history", "channel", incidents, "include_all_metadata", "1")
		require.Len(t, got["messages"], 1, "an update is no new message")
		return got["messages"].([]any)[0].(map[string]any)
	}
	got := update("text", "v2")
	require.Equal(t, true, got["ok"], "%v", got)
	require.Equal(t, ts, got["ts"], "the message keeps its timestamp")
	require.Equal(t, "v2", current()["text"])
	require.NotNil(t, current()["edited"])
	require.NotNil(t, current()["blocks"], "what is left out stays")
	require.Equal(t, "1", current()["metadata"].(map[string]any)["event_payload"].(map[string]any)["id"])
	update("text", "v3", "metadata", two, "blocks", "[]")
	require.Equal(t, "2", current()["metadata"].(map[string]any)["event_payload"].(map[string]any)["id"])
	require.NotContains(t, current(), "blocks")
	update("text", "v4", "metadata", "{}")
	require.NotContains(t, current(), "metadata", "empty removes it")

	require.Equal(t, "no_text", update("metadata", two)["error"])
	require.Equal(t, "msg_too_long", update("text", strings.Repeat("x", 4001))["error"])
	require.Equal(t, "invalid_blocks", update("blocks", `[{}]`)["error"])
	require.Equal(t, "message_not_found", update("ts", "1234567890.123456", "text", "x")["error"])
	require.Equal(t, "v4", current()["text"], "a refused update changes nothing")

	// The one message in #general is Ana's.
	general := slackForm(t, s, "conversations.history", "channel", "C01ABGENERAL")["messages"].([]any)[0].(map[string]any)
	for method, want := range map[string]string{"chat.update": "cant_update_message", "chat.delete": "cant_delete_message"} {
		require.Equal(t, want, slackForm(t, s, method, "channel", "C01ABGENERAL", "ts", general["ts"].(string), "text", "x")["error"])
	}
}

func TestSlackDeletes(t *testing.T) {
	s := newSlack(newLedger(), newStandInClock().now)
	post := func(thread string) string {
		return slackForm(t, s, "chat.postMessage", "channel", incidents, "text", "x", "thread_ts", thread)["ts"].(string)
	}
	remove := func(ts string) any {
		return slackForm(t, s, "chat.delete", "channel", incidents, "ts", ts)["error"]
	}
	root := post("")
	reply := post(root)
	other := post("")
	require.Nil(t, remove(other))
	require.Equal(t, "message_not_found", remove(other))
	require.Nil(t, remove(root))
	thread := slackForm(t, s, "conversations.replies", "channel", incidents, "ts", reply)["messages"].([]any)
	require.Len(t, thread, 2, "the replies stay, under a stone")
	require.Equal(t, "tombstone", thread[0].(map[string]any)["subtype"])
	require.Equal(t, "cant_delete_message", remove(root))
	require.Nil(t, remove(reply))
	require.Len(t, slackForm(t, s, "conversations.replies", "channel", incidents, "ts", root)["messages"], 1)
}

func TestSlackChannelsAndPeople(t *testing.T) {
	s := newSlack(newLedger(), newStandInClock().now)
	names := func(got map[string]any) (list []string) {
		t.Helper()
		require.Equal(t, true, got["ok"], "%v", got)
		for _, c := range got["channels"].([]any) {
			list = append(list, c.(map[string]any)["name"].(string))
		}
		return list
	}
	require.Equal(t, []string{"general", "incidents", "engineering", "outages-2019", "stakeholders"}, names(slackForm(t, s, "conversations.list")))
	require.Equal(t, []string{"general", "incidents", "engineering", "stakeholders"}, names(slackForm(t, s, "conversations.list", "exclude_archived", "true")))
	first := slackForm(t, s, "conversations.list", "limit", "3")
	next := first["response_metadata"].(map[string]any)["next_cursor"].(string)
	require.Len(t, names(first), 3)
	require.Equal(t, []string{"outages-2019", "stakeholders"}, names(slackForm(t, s, "conversations.list", "limit", "3", "cursor", next)))
	require.Empty(t, names(slackForm(t, s, "conversations.list", "types", "im")))
	slackForm(t, s, "chat.postMessage", "channel", slackAna, "text", "x")
	slackForm(t, s, "chat.postMessage", "channel", slackAna, "text", "x")
	require.Equal(t, []string{"D01ABANA"}, names(slackForm(t, s, "conversations.list", "types", "im")))
	require.Equal(t, "invalid_types", slackForm(t, s, "conversations.list", "types", "secret")["error"])
	require.Equal(t, "invalid_cursor", slackForm(t, s, "conversations.list", "cursor", encodeCursor("C0"))["error"])

	require.Equal(t, "not_in_channel", slackForm(t, s, "conversations.history", "channel", engineering)["error"])
	require.Equal(t, "not_in_channel", slackForm(t, s, "conversations.replies", "channel", engineering, "ts", "1.000000")["error"])
	require.NotContains(t, slackForm(t, s, "conversations.join", "channel", engineering), "warning")
	require.Equal(t, "already_in_channel", slackForm(t, s, "conversations.join", "channel", engineering)["warning"])
	require.Equal(t, true, slackForm(t, s, "conversations.history", "channel", engineering)["ok"])
	require.Equal(t, "is_archived", slackForm(t, s, "conversations.join", "channel", "C01ABOUTAGES")["error"])
	require.Equal(t, "method_not_supported_for_channel_type", slackForm(t, s, "conversations.join", "channel", "D01ABANA")["error"])

	require.Equal(t, "Bob Brandt", slackForm(t, s, "users.info", "user", slackBob)["user"].(map[string]any)["real_name"])
	require.Equal(t, "user_not_found", slackForm(t, s, "users.info", "user", "U0")["error"])
}

func TestSlackThrottles(t *testing.T) {
	clock := newStandInClock()
	s := newSlack(newLedger(), clock.now)
	call := func(method, args string) (int, http.Header, string) {
		return standInCall(t, s, "POST", "/api/"+method, "application/x-www-form-urlencoded", "token="+labSlackToken+"&"+args)
	}
	for range slackPostBurst {
		status, _, _ := call("chat.postMessage", "channel=incidents&text=x")
		require.Equal(t, http.StatusOK, status)
	}
	status, header, body := call("chat.postMessage", "channel=%23incidents&text=x")
	require.Equal(t, http.StatusTooManyRequests, status, "by whatever name")
	require.Equal(t, "1", header.Get("Retry-After"))
	require.JSONEq(t, `{"ok":false,"error":"ratelimited"}`, body)
	status, _, _ = call("chat.postMessage", "channel=general&text=x")
	require.Equal(t, http.StatusOK, status, "each channel has its own")
	clock.advance(time.Second)
	for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		status, _, _ = call("chat.postMessage", "channel=incidents&text=x")
		require.Equal(t, want, status)
	}
	require.Len(t, slackForm(t, s, "conversations.history", "channel", incidents)["messages"], slackPostBurst+1)

	for range 20 {
		status, _, _ = call("conversations.list", "")
		require.Equal(t, http.StatusOK, status)
	}
	status, header, _ = call("conversations.list", "")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "3", header.Get("Retry-After"))
	status, _, _ = call("conversations.list", "token=xoxb-1")
	require.Equal(t, http.StatusOK, status, "whoever is not let in is not counted")
}

// The client that the product uses understands every answer.
func TestSlackGoTalksToIt(t *testing.T) {
	clock := newStandInClock()
	srv := httptest.NewServer(newSlack(newLedger(), clock.now))
	defer srv.Close()
	ctx := context.Background()
	c := slack.New(labSlackToken, slack.OptionAPIURL(srv.URL+"/api/"))

	who, err := c.AuthTestContext(ctx)
	require.NoError(t, err)
	require.Equal(t, slackBot, who.BotID)
	require.Contains(t, who.Header.Get("X-OAuth-Scopes"), "chat:write")

	mark := slack.SlackMetadata{EventType: "sitrep_outbox", EventPayload: map[string]any{"id": "01J"}}
	blocks := []slack.Block{
		slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, "SEV-1 Checkout 5xx", false, false)),
		slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "*INC-1* &lt;!channel&gt;", false, false), nil, nil),
		slack.NewContextBlock("", slack.NewTextBlockObject(slack.MarkdownType, "L1 now", false, false)),
		slack.NewDividerBlock(),
	}
	channel, ts, err := c.PostMessageContext(ctx, "#incidents", slack.MsgOptionText("INC-1", true), slack.MsgOptionBlocks(blocks...), slack.MsgOptionMetadata(mark))
	require.NoError(t, err)
	require.Equal(t, incidents, channel)
	_, reply, err := c.PostMessageContext(ctx, channel, slack.MsgOptionText("L1 paged", true), slack.MsgOptionTS(ts))
	require.NoError(t, err)
	_, same, _, err := c.UpdateMessageContext(ctx, channel, ts, slack.MsgOptionText("INC-1: resolved", true), slack.MsgOptionBlocks())
	require.NoError(t, err)
	require.Equal(t, ts, same)

	history, err := c.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: channel, Oldest: "1", IncludeAllMetadata: true})
	require.NoError(t, err)
	require.Len(t, history.Messages, 1)
	require.Equal(t, "INC-1: resolved", history.Messages[0].Text)
	require.Equal(t, mark, history.Messages[0].Metadata)
	require.Empty(t, history.Messages[0].Blocks.BlockSet)
	thread, more, _, err := c.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{ChannelID: channel, Timestamp: ts})
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, reply, thread[1].Timestamp)
	link, err := c.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: channel, Ts: ts})
	require.NoError(t, err)
	require.Contains(t, link, "/archives/"+channel+"/p")
	_, err = c.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: channel, Ts: "1.000000"})
	require.EqualError(t, err, "message_not_found")
	_, _, err = c.DeleteMessageContext(ctx, channel, reply)
	require.NoError(t, err)

	channels, _, err := c.GetConversationsContext(ctx, &slack.GetConversationsParameters{ExcludeArchived: true})
	require.NoError(t, err)
	require.Len(t, channels, 4)
	info, err := c.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
	require.NoError(t, err)
	require.True(t, info.IsMember)
	_, warning, _, err := c.JoinConversationContext(ctx, channel)
	require.NoError(t, err)
	require.Equal(t, "already_in_channel", warning)
	user, err := c.GetUserInfoContext(ctx, slackBob)
	require.NoError(t, err)
	require.Equal(t, "bob", user.Name)

	_, _, err = c.PostMessageContext(ctx, channel, slack.MsgOptionBlocks(slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, strings.Repeat("h", 151), false, false))))
	var refused slack.SlackErrorResponse
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_blocks", refused.Err)
	require.Contains(t, refused.ResponseMetadata.Messages[0], "must be less than 151 characters")
	for range slackPostBurst {
		_, _, err = c.PostMessageContext(ctx, channel, slack.MsgOptionText("x", false))
	}
	var slow *slack.RateLimitedError
	require.ErrorAs(t, err, &slow)
	require.Equal(t, time.Second, slow.RetryAfter)
	_, err = slack.New("xoxb-1", slack.OptionAPIURL(srv.URL+"/api/")).AuthTestContext(ctx)
	require.EqualError(t, err, "invalid_auth")
}

// Under many senders at once no timestamp is given twice and nothing is lost.
func TestSlackUnderManySenders(t *testing.T) {
	srv := httptest.NewServer(newSlack(newLedger(), time.Now))
	defer srv.Close()
	var (
		mu      sync.Mutex
		posted  []string
		senders sync.WaitGroup
	)
	for _, to := range []string{"#incidents", "#general", "#engineering", slackBob} {
		senders.Go(func() {
			c := slack.New(labSlackToken, slack.OptionAPIURL(srv.URL+"/"))
			for range 8 {
				channel, ts, err := c.PostMessage(to, slack.MsgOptionText("x", false))
				if slow := (*slack.RateLimitedError)(nil); errors.As(err, &slow) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, _, _, err := c.UpdateMessage(channel, ts, slack.MsgOptionText("y", false)); err != nil {
					t.Error(err)
				}
				if channel == incidents {
					if _, err := c.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: channel}); err != nil {
						t.Error(err)
					}
				}
				mu.Lock()
				posted = append(posted, ts)
				mu.Unlock()
			}
		})
	}
	senders.Wait()
	require.GreaterOrEqual(t, len(posted), 4*slackPostBurst)
	slices.Sort(posted)
	require.Len(t, slices.Compact(slices.Clone(posted)), len(posted))
}

func FuzzSlackAnswersAnything(f *testing.F) {
	f.Add("chat.postMessage", "application/x-www-form-urlencoded", []byte("channel=incidents&text=x&blocks=[{}]"))
	f.Add("chat.postMessage", "application/json", []byte(`{"channel":"incidents","blocks":[{"type":"section","fields":[{}],"accessory":[]},{"type":"actions","elements":[7]}]}`))
	f.Add("chat.postMessage", "application/json", []byte(`{"channel":"incidents","text":true,"metadata":{"event_type":"a","event_payload":{"a":[[]]}},"attachments":[1]}`))
	f.Add("conversations.history", "application/json", []byte(`{"channel":"C01ABINCIDENTS","oldest":1e999,"limit":-1,"cursor":"bmV4dDo="}`))
	f.Add("conversations.replies", "application/json", []byte(`{"channel":"C01ABGENERAL","ts":"1794625920.000000"}`))
	f.Fuzz(func(t *testing.T, method, kind string, body []byte) {
		if strings.ContainsAny(method, "?#% ") || !argName.MatchString(strings.ReplaceAll(method, ".", "_")) {
			return // not a path
		}
		s := newSlack(newLedger(), newStandInClock().now)
		status, _, answer := standInCall(t, s, "POST", "/api/"+method, kind, string(body), "Authorization", "Bearer "+labSlackToken)
		require.Equal(t, http.StatusOK, status)
		var got struct {
			OK    *bool  `json:"ok"`
			Error string `json:"error"`
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &got), answer)
		require.NotNil(t, got.OK)
		require.Equal(t, *got.OK, got.Error == "")
		require.Len(t, readLedger(t, s), 1)
	})
}
