package tracker

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident/tracker/trackertest"
)

// asked is either tracker, with its server.
type asked struct {
	*trackertest.Server
	find   func(context.Context, string, time.Time) (Issue, bool, error)
	create func(context.Context, Draft) (Issue, error)
	read   func(context.Context, int) (Issue, error)
	set    func(context.Context, int, bool, bool) error
	waited *[]time.Duration
}

func both(t *testing.T, test func(t *testing.T, a asked)) {
	for _, gitlab := range []bool{false, true} {
		t.Run(map[bool]string{false: "github", true: "gitlab"}[gitlab], func(t *testing.T) {
			test(t, against(trackertest.New(t, gitlab), "right"))
		})
	}
}

func against(s *trackertest.Server, token string) asked {
	waited := &[]time.Duration{}
	wait := func(_ context.Context, d time.Duration) error {
		*waited = append(*waited, d.Round(time.Second))
		return nil
	}
	if s.GitLab {
		g := NewGitLab(s.URL, "acme/shop", token, http.DefaultTransport)
		g.wire.wait = wait
		return asked{s, g.Find, g.Create, g.Read, g.Set, waited}
	}
	g := NewGitHub(s.URL, "acme/shop", token, http.DefaultTransport)
	g.wire.wait = wait
	return asked{s, g.Find, g.Create, g.Read, g.Set, waited}
}

const marker = "sitrep-item-01h-ai-1"

func TestAnIssueIsMadeFoundReadAndClosed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a asked) {
		before := time.Now().Add(-time.Minute)
		_, found, err := a.find(t.Context(), marker, before)
		require.NoError(t, err)
		require.False(t, found)
		made, err := a.create(t.Context(), Draft{Title: "alert on a full pool", Body: "x `" + marker + "`", Labels: []string{"post-mortem", "sre"}})
		require.NoError(t, err)
		require.True(t, made.Open)
		require.Contains(t, made.URL, "/issues/1")
		require.Equal(t, []string{"post-mortem", "sre"}, a.Issues()[0].Labels)
		_, err = a.create(t.Context(), Draft{Title: "another", Body: "x `" + marker + "0`"})
		require.NoError(t, err)

		again, found, err := a.find(t.Context(), marker, before)
		require.NoError(t, err)
		require.True(t, found, "at once, whatever search knows")
		require.Equal(t, made, again)

		require.NoError(t, a.set(t.Context(), 1, false, true))
		got, err := a.read(t.Context(), 1)
		require.NoError(t, err)
		require.False(t, got.Open)
		require.Equal(t, "sitrep-bot", got.ClosedBy)
		require.NoError(t, a.set(t.Context(), 1, true, false))
		_, err = a.read(t.Context(), 77)
		require.ErrorIs(t, err, ErrGone)
	})
}

// What stands on the third page of a list is found, and an old one by search alone;
// a pull request is no issue. The link to the next page names another host, which is
// never asked.
func TestWhatIsFarDownIsFound(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a asked) {
		now := time.Now()
		a.Change(func(list []*trackertest.Issue) []*trackertest.Issue {
			list = append(list,
				&trackertest.Issue{Number: 1, Body: "`" + marker + "-old`", Updated: now.Add(-1000 * time.Hour), Indexed: true},
				&trackertest.Issue{Number: 2, Body: "`" + marker + "`", Updated: now})
			for i := range 250 {
				list = append(list, &trackertest.Issue{Number: i + 3, Body: marker + "?", Updated: now, Pull: i == 7})
			}
			return list
		})
		got, found, err := a.find(t.Context(), marker, now.Add(-time.Hour))
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, 2, got.Number)
		got, found, err = a.find(t.Context(), marker+"-old", now.Add(-time.Hour))
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, 1, got.Number)
	})
}

// Refusals say what to do; only those of the rate are waited for, once, and not long.
func TestRefusals(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a asked) {
		draft := Draft{Title: "x", Body: "y"}
		a.Next(trackertest.Answer{Status: 429, Header: map[string]string{"Retry-After": "7"}, Body: `{"message":"slow down"}`})
		_, err := a.create(t.Context(), draft)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{7 * time.Second}, *a.waited)

		reset := strconv.FormatInt(time.Now().Add(30*time.Minute).Unix(), 10)
		a.Next(trackertest.Answer{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}, Body: `{"message":"API rate limit exceeded"}`})
		_, err = a.create(t.Context(), draft)
		require.ErrorIs(t, err, ErrRefused)
		require.ErrorContains(t, err, "too many requests, it takes the next ones at ")
		require.Len(t, *a.waited, 1, "half an hour is nobody's wait")

		a.Next(trackertest.Answer{Status: 403, Body: `{"message":"Resource not accessible by personal access token"}`})
		_, err = a.create(t.Context(), draft)
		require.ErrorContains(t, err, "the token may not do this (issues: read and write): Resource not accessible")
		a.Next(trackertest.Answer{Status: 410, Body: `{"message":"Issues are disabled for this repo"}`})
		_, err = a.create(t.Context(), draft)
		require.ErrorIs(t, err, ErrGone)
		a.Next(trackertest.Answer{Status: 301, Header: map[string]string{"Location": "http://evil.example/"}})
		_, err = a.create(t.Context(), draft)
		require.ErrorContains(t, err, "the place has moved")
		a.Next(trackertest.Answer{Status: 200, Body: `<html>`})
		_, err = a.create(t.Context(), draft)
		require.ErrorContains(t, err, "something that is no issue: is its api_url right?")
		a.Next(trackertest.Answer{Status: 503, Body: `busy`})
		_, err = a.create(t.Context(), draft)
		require.ErrorContains(t, err, "503")
		_, err = a.create(t.Context(), Draft{Body: "y"})
		require.ErrorContains(t, err, "title")

		_, _, err = against(a.Server, "wrong").find(t.Context(), marker, time.Now())
		require.ErrorIs(t, err, ErrRefused)
		require.ErrorContains(t, err, "it does not know the token: Bad credentials")
	})
}

// An answer that is lost is not asked for again: the issue may be there.
func TestALostAnswerMakesNoSecondIssue(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, a asked) {
		a.Next(trackertest.Answer{Drop: true})
		_, err := a.create(t.Context(), Draft{Title: "x", Body: "`" + marker + "`"})
		require.ErrorContains(t, err, "cannot be reached")
		require.Len(t, a.Issues(), 1)
		_, found, err := a.find(t.Context(), marker, time.Now().Add(-time.Minute))
		require.NoError(t, err)
		require.True(t, found)
	})
}
