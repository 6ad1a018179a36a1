package slack

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// murky is m after an attempt that nobody knows the end of.
func murky(m escalation.Message) escalation.Message {
	m.Murky, m.State, m.Attempts = true, escalation.Sending, 2
	return m
}

// lose makes the server do what is asked and cut the connection.
func lose(s *server) {
	s.answerBy(func(w http.ResponseWriter, r *http.Request, method string) bool {
		if method != "chat.postMessage" {
			return false
		}
		s.answer(method, r.Form, "")
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
		return true
	})
}

// An attempt whose answer was lost is found again and adopted, at the top of a
// channel and in a thread, among other messages and over several pages.
func TestAdoptsWhatWasPosted(t *testing.T) {
	srv := newServer(t)
	srv.pageSize = 2
	s := sender(t, srv)
	root := done(t, s.Send(t.Context(), headline("01ROOT"), checkout()))
	for _, parent := range []string{"", root} {
		m := post("01LOST"+parent, "what happened")
		m.Parent = parent
		lose(srv)
		require.Equal(t, escalation.Unsure, s.Send(t.Context(), m, checkout()).Class)
		srv.answerBy(nil)
		for i := range 5 {
			other := post(fmt.Sprintf("01OTHER%d%s", i, parent), "something else")
			other.Parent = parent
			done(t, s.Send(t.Context(), other, checkout()))
		}
		before := len(srv.shown("C0INC"))
		fresh := sender(t, srv) // another process, which has never met the channel
		o := fresh.Send(t.Context(), murky(m), checkout())
		ref, _ := parseRef(done(t, o))
		require.True(t, o.Reconciled)
		require.Len(t, srv.shown("C0INC"), before, "no second copy")
		i := slices.IndexFunc(srv.shown("C0INC"), func(m message) bool { return m.TS == ref.ts })
		require.Contains(t, string(srv.shown("C0INC")[i].Metadata), m.ID)
	}
}

// An attempt that did not arrive is made again.
func TestPostsAgainWhatIsNotThere(t *testing.T) {
	srv := newServer(t)
	s := sender(t, srv)
	root := done(t, s.Send(t.Context(), headline("01ROOT"), checkout()))
	m := murky(post("01LOST", "what happened"))
	m.Parent = root
	o := s.Send(t.Context(), m, checkout())
	done(t, o)
	require.False(t, o.Reconciled)
	require.Equal(t, []string{"chat.postMessage", "conversations.replies", "chat.postMessage"}, srv.asked())
	require.Len(t, srv.shown("C0INC"), 2)

	srv.answerBy(func(_ http.ResponseWriter, r *http.Request, method string) bool {
		if method == "conversations.history" && (r.Form.Get("channel") != "C0INC" || r.Form.Get("oldest") != "1772333700.000000") {
			t.Errorf("looked in %s from %s", r.Form.Get("channel"), r.Form.Get("oldest"))
		}
		return false
	})
	done(t, s.Send(t.Context(), murky(post("01LOST2", "what happened")), checkout()))
	require.Equal(t, []string{"conversations.history", "chat.postMessage"}, srv.asked(), "the channel is known from the first post")
}

// Where it cannot be seen whether the post is there, it depends on what it is.
func TestTheHistoryCannotBeRead(t *testing.T) {
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.Header().Set("Retry-After", "60"); w.WriteHeader(code) }
	}
	no := func(code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { reply(w, refuse(code)) }
	}
	stranger := func(w http.ResponseWriter) { reply(w, map[string]any{"ok": true}) }
	const posted = escalation.Done
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter)
		// a reply of SEV-3, of SEV-1, the headline of SEV-3, and what stands in for a page
		minor, major, headline, page escalation.Class
	}{
		{"no scope", no("missing_scope"), escalation.Dead, posted, posted, posted},
		{"not in channel", no("not_in_channel"), escalation.Dead, posted, posted, posted},
		{"429", status(429), escalation.Throttled, escalation.Throttled, escalation.Throttled, posted},
		{"ratelimited", no("ratelimited"), escalation.Throttled, escalation.Throttled, escalation.Throttled, posted},
		{"500", status(500), escalation.NotSent, escalation.NotSent, escalation.NotSent, escalation.NotSent},
		{"fatal", no("fatal_error"), escalation.NotSent, escalation.NotSent, escalation.NotSent, escalation.NotSent},
		{"not a history", stranger, escalation.NotSent, escalation.NotSent, escalation.NotSent, escalation.NotSent},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := newServer(t)
			srv.answerBy(func(w http.ResponseWriter, _ *http.Request, method string) bool {
				if method == "chat.postMessage" {
					return false
				}
				c.answer(w)
				return true
			})
			s := sender(t, srv)
			minor, major := checkout(), checkout()
			minor.Severity = incident.Sev3
			reply := murky(post("01A", "what happened"))
			reply.Parent = "C0INC/1772334000.000001"
			page := murky(message1(escalation.OpPost, "01B", escalation.Content{Text: "call by phone", Diverts: "01PAGE"}))
			for what, try := range map[string]struct {
				m    escalation.Message
				inc  incident.Incident
				want escalation.Class
			}{
				"minor": {reply, minor, c.minor}, "major": {reply, major, c.major},
				"headline": {murky(headline("01C")), minor, c.headline}, "page": {page, minor, c.page},
			} {
				before := len(srv.shown("C0INC"))
				o := s.Send(t.Context(), try.m, try.inc)
				require.Equal(t, try.want, o.Class, "%s: %v", what, o.Err)
				if try.want == posted {
					require.Len(t, srv.shown("C0INC"), before+1)
					continue
				}
				require.Len(t, srv.shown("C0INC"), before, what)
				if try.want != escalation.Throttled {
					require.ErrorContains(t, o.Err, "it may have been posted")
				}
			}
		})
	}
}

// A history without an end is not read to the end.
func TestEndlessHistory(t *testing.T) {
	srv := newServer(t)
	srv.answerBy(func(w http.ResponseWriter, _ *http.Request, method string) bool {
		if method != "conversations.history" {
			return false
		}
		reply(w, map[string]any{"ok": true, "messages": []any{"odd", map[string]any{"ts": 5}, nil}, "has_more": true, "response_metadata": map[string]any{"next_cursor": "on"}})
		return true
	})
	inc := checkout()
	inc.Severity = incident.Sev4
	o := sender(t, srv).Send(t.Context(), murky(post("01A", "x")), inc)
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "the history is too long")
	require.Equal(t, 11, len(srv.asked()), "the list of channels and ten pages")
}

// The list of channels: private ones, too, if the app may see them.
func TestFindsTheChannel(t *testing.T) {
	for _, scope := range []bool{true, false} {
		srv := newServer(t)
		srv.add(&channel{id: "C0PRIV", name: "war-room", private: true, member: true})
		srv.answerBy(func(w http.ResponseWriter, r *http.Request, method string) bool {
			if method != "conversations.list" || scope || !strings.Contains(r.Form.Get("types"), "private") {
				return false
			}
			reply(w, refuse("missing_scope"))
			return true
		})
		s := sender(t, srv)
		a := attempt{Sender: s, m: post("01A", "x"), token: token}
		a.m.Sink = "slack:#War-Room"
		id, o := a.resolve(t.Context(), a.m.Target())
		if scope {
			require.Equal(t, escalation.Done, o.Class, "%v", o.Err)
			require.Equal(t, "C0PRIV", id)
			srv.asked()
			id, o = a.resolve(t.Context(), a.m.Target())
			require.Equal(t, "C0PRIV", id)
			require.Equal(t, escalation.Done, o.Class)
			require.Empty(t, srv.asked(), "it is remembered")
			continue
		}
		require.Equal(t, escalation.Dead, o.Class)
		require.Equal(t, []string{"conversations.list", "conversations.list"}, srv.asked())
		id, o = a.resolve(t.Context(), "#incidents")
		require.Equal(t, "C0INC", id)
		require.Equal(t, escalation.Done, o.Class)
	}
}

func sweep(of escalation.Message, keep string) escalation.Message {
	return message1(escalation.OpSweep, "01SWEEP", escalation.Content{Sweep: escalation.Sweep{Sweeps: of.ID, SweepRef: keep, TriedAt: of.FirstTryAt}})
}

// Copies that came late are deleted, at the top and in a thread, and nothing
// else is; doing it again changes nothing.
func TestSweepsSecondCopies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		srv := newServer(t)
		srv.pageSize = rapid.IntRange(1, 7).Draw(rt, "page")
		s := sender(t, srv)
		root := done(t, s.Send(t.Context(), headline("01ROOT"), checkout()))
		m := post("01TWICE", "what happened")
		if rapid.Bool().Draw(rt, "in a thread") {
			m.Parent = root
		}
		var copies []string
		others := 1
		for range rapid.IntRange(1, 6).Draw(rt, "posts") {
			if rapid.Bool().Draw(rt, "a copy") {
				copies = append(copies, done(t, s.Send(t.Context(), m, checkout())))
				continue
			}
			others++
			other := post(fmt.Sprintf("01OTHER%d", others), "else")
			other.Parent = m.Parent
			done(t, s.Send(t.Context(), other, checkout()))
		}
		keep := "C0INC/1772333000.000001" // deleted by somebody
		if m.Parent != "" {
			keep += "/1772334001.000001"
		}
		want := others + min(len(copies), 1)
		if len(copies) > 0 && rapid.Bool().Draw(rt, "known") {
			keep = rapid.SampledFrom(copies).Draw(rt, "keep")
		}
		for range 2 {
			o := s.Send(t.Context(), sweep(m, keep), checkout())
			kept := done(t, o)
			if slices.Contains(copies, keep) && kept != keep {
				rt.Fatalf("kept %s, not %s", kept, keep)
			}
			if got := len(srv.shown("C0INC")); got != want {
				rt.Fatalf("%d messages, want %d", got, want)
			}
			kr, _ := parseRef(kept)
			if len(copies) > 0 && !slices.ContainsFunc(srv.shown("C0INC"), func(m message) bool { return m.TS == kr.ts }) {
				rt.Fatalf("%s is gone", kept)
			}
		}
	})
}

func TestSweepThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		answer func(http.ResponseWriter)
		class  escalation.Class
	}{
		"history throttled":   {"conversations.history", func(w http.ResponseWriter) { w.WriteHeader(429) }, escalation.Throttled},
		"history fails":       {"conversations.history", func(w http.ResponseWriter) { w.WriteHeader(500) }, escalation.NotSent},
		"history not allowed": {"conversations.history", func(w http.ResponseWriter) { reply(w, refuse("missing_scope")) }, escalation.Dead},
		"delete throttled":    {"chat.delete", func(w http.ResponseWriter) { reply(w, refuse("ratelimited")) }, escalation.Throttled},
		"delete not allowed":  {"chat.delete", func(w http.ResponseWriter) { reply(w, refuse("cant_delete_message")) }, escalation.Dead},
		"already deleted":     {"chat.delete", func(w http.ResponseWriter) { reply(w, refuse("message_not_found")) }, escalation.Done},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t)
			s := sender(t, srv)
			m := post("01TWICE", "what happened")
			keep := done(t, s.Send(t.Context(), m, checkout()))
			done(t, s.Send(t.Context(), m, checkout()))
			srv.answerBy(func(w http.ResponseWriter, _ *http.Request, method string) bool {
				if method != c.method {
					return false
				}
				c.answer(w)
				return true
			})
			o := s.Send(t.Context(), sweep(m, keep), checkout())
			require.Equal(t, c.class, o.Class, "%v", o.Err)
			require.Len(t, srv.shown("C0INC"), 2)
		})
	}
}

func TestRefs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ts := rapid.StringMatching(`[0-9]{1,12}\.[0-9]{1,9}`)
		r := ref{rapid.StringMatching(`[CGD][A-Z0-9]{0,20}`).Draw(t, "channel"), ts.Draw(t, "ts"), rapid.OneOf(rapid.Just(""), ts).Draw(t, "thread")}
		got, ok := parseRef(r.String())
		if !ok || got != r {
			t.Fatalf("%q gives %+v", r, got)
		}
	})
	for _, s := range []string{"", "/", "C1", "C1/", "C1/1", "#incidents/1.1", "C1/1.1/", "C1/1.1/2.2/3.3", "C1/1.1/x", "sitrep/abc/01INC/L1/r1"} {
		_, ok := parseRef(s)
		require.Equal(t, s == "C1/1.1/", ok, "%q", s)
	}
	require.Negative(t, compareTS("999999999.9", "1000000000.1"))
	require.Negative(t, compareTS("1772334001.000001", "1772334001.000002"))
	require.Zero(t, compareTS("1.1", "1.1"))
}
