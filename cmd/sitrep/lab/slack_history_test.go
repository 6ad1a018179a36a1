package lab

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSlackTimestamps(t *testing.T) {
	clock := newStandInClock()
	s := newSlack(newLedger(), clock.now)
	var all []string
	post := func() {
		got := slackForm(t, s, "chat.postMessage", "channel", "#incidents", "text", "x")
		require.Regexp(t, `^\d{10}\.\d{6}$`, got["ts"])
		all = append(all, got["ts"].(string))
	}
	for range 3 {
		post() // a clock that stands
	}
	clock.advance(2 * time.Second)
	post()
	clock.advance(-time.Second)
	post() // and one that was set back
	require.True(t, slices.IsSorted(all))
	require.Len(t, slices.Compact(slices.Clone(all)), 5)
	require.Equal(t, "1794625920.000100", all[0])
}

func TestSlackThreads(t *testing.T) {
	s := newSlack(newLedger(), newStandInClock().now)
	say := func(thread, text string) map[string]any {
		t.Helper()
		got := slackForm(t, s, "chat.postMessage", "channel", "#incidents", "text", text, "thread_ts", thread)
		require.Equal(t, true, got["ok"], "%v", got)
		return got["message"].(map[string]any)
	}
	texts := func(method, ts string) (list []string) {
		t.Helper()
		got := slackForm(t, s, method, "channel", incidents, "ts", ts)
		require.Equal(t, true, got["ok"], "%v", got)
		for _, m := range got["messages"].([]any) {
			list = append(list, m.(map[string]any)["text"].(string))
		}
		return list
	}
	root := say("", "headline")
	require.NotContains(t, root, "thread_ts")
	ts := root["ts"].(string)
	reply := say(ts, "one")
	require.Equal(t, ts, reply["thread_ts"])
	require.Equal(t, slackSelf, reply["parent_user_id"])
	require.Equal(t, ts, say(reply["ts"].(string), "two")["thread_ts"], "a reply to a reply hangs on the root")
	require.Equal(t, []string{"headline", "one", "two"}, texts("conversations.replies", ts))
	require.Equal(t, []string{"headline", "one", "two"}, texts("conversations.replies", reply["ts"].(string)))
	require.Equal(t, []string{"headline"}, texts("conversations.history", ""), "replies are not in the channel")

	// As with the real one: nobody says that the thread is not there.
	require.NotContains(t, say("1234567890.123456", "lost"), "thread_ts")
	require.Equal(t, []string{"lost", "headline"}, texts("conversations.history", ""))
	require.Equal(t, "thread_not_found", slackForm(t, s, "conversations.replies", "channel", incidents, "ts", "1234567890.123456")["error"])
	require.Equal(t, "invalid_thread_ts", slackForm(t, s, "chat.postMessage", "channel", incidents, "text", "x", "thread_ts", "yesterday")["error"])
}

func TestSlackBroadcastsAReply(t *testing.T) {
	s := newSlack(newLedger(), newStandInClock().now)
	ts := slackForm(t, s, "chat.postMessage", "channel", incidents, "text", "headline")["ts"].(string)
	slackForm(t, s, "chat.postMessage", "channel", incidents, "text", "loud", "thread_ts", ts, "reply_broadcast", "true")
	list := slackForm(t, s, "conversations.history", "channel", incidents)["messages"].([]any)
	require.Len(t, list, 2)
	require.Equal(t, "thread_broadcast", list[0].(map[string]any)["subtype"])
	require.EqualValues(t, 1, list[1].(map[string]any)["reply_count"])
}

func TestSlackPages(t *testing.T) {
	clock := newStandInClock()
	s := newSlack(newLedger(), clock.now)
	var all []string
	for i := range 5 {
		clock.advance(time.Second)
		all = append(all, slackForm(t, s, "chat.postMessage", "channel", incidents, "text", fmt.Sprint(i))["ts"].(string))
	}
	history := func(args ...string) (texts string, next string) {
		t.Helper()
		got := slackForm(t, s, "conversations.history", append([]string{"channel", incidents}, args...)...)
		require.Equal(t, true, got["ok"], "%v", got)
		for _, m := range got["messages"].([]any) {
			texts += m.(map[string]any)["text"].(string)
		}
		if got["has_more"] == true {
			next = got["response_metadata"].(map[string]any)["next_cursor"].(string)
		}
		return texts, next
	}
	texts, next := history("limit", "2")
	require.Equal(t, "43", texts)
	texts, next = history("limit", "2", "cursor", next)
	require.Equal(t, "21", texts)
	texts, next = history("limit", "2", "cursor", next)
	require.Equal(t, "0", texts)
	require.Empty(t, next)
	for want, args := range map[string][]string{
		"43":  {"oldest", all[2]},
		"432": {"oldest", all[2], "inclusive", "1"},
		"10":  {"latest", all[2]},
		"210": {"latest", all[2], "inclusive", "true"},
		"2":   {"oldest", all[1], "latest", all[3]},
		"4":   {"oldest", fmt.Sprint(clock.now().Unix() - 1)},
		"":    {"oldest", "9999999999"},
	} {
		texts, _ := history(args...)
		require.Equal(t, want, texts, "%v", args)
	}
	for want, args := range map[string][]string{
		"invalid_ts_oldest": {"oldest", "-1"}, "invalid_ts_latest": {"latest", "now"}, "invalid_cursor": {"cursor", "x"}, "invalid_limit": {"limit", "1000"},
	} {
		require.Equal(t, want, slackForm(t, s, "conversations.history", append([]string{"channel", incidents}, args...)...)["error"])
	}
	require.Equal(t, "invalid_cursor", slackForm(t, s, "conversations.history", "channel", incidents, "cursor", encodeCursor("1.000000"))["error"])
	require.Equal(t, "invalid_limit", slackForm(t, s, "conversations.history", "channel", incidents, "limit", "many")["error"])
}

func TestSlackForgetsTheOldest(t *testing.T) {
	s := &slackStandIn{now: newStandInClock().now}
	c := &slackChannel{}
	for range slackKept + 5 {
		s.append(c, &slackMessage{})
	}
	require.Len(t, c.messages, slackKept)
	require.EqualValues(t, c.messages[0].micros+100*(slackKept-1), s.lastTS)
}
