package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// saved is what the shelf puts onto the timeline.
func (s *story) saved(kind incident.Kind, version int) {
	s.add([]incident.Event{{Incident: "INC-1", Kind: kind, Actor: "dana", At: three, Data: incident.Payload(map[string]int{"version": version})}}, nil)
}

func TestAPostmortemGoesThroughItsStages(t *testing.T) {
	s := declared(t)
	s.saved(incident.PostmortemDrafted, 1)
	refused := func(want string, events []incident.Event, err error) {
		t.Helper()
		require.ErrorContains(t, err, "move the post-mortem of INC-1: "+want)
		require.Nil(t, events)
	}
	events, err := s.inc.MoveReview(at("dana", 60), incident.StageReviewed, 1, 0, "")
	refused("too late: it is draft; what comes next is in review", events, err)
	events, err = s.inc.MoveReview(at("dana", 60), incident.StageInReview, 1, 3, "")
	refused("not complete: 3 things in it are missing", events, err)
	events, err = s.inc.MoveReview(at("dana", 60), incident.StageInReview, 4, 0, "")
	refused("too late: this is about version 4, and somebody saved version 1 in between", events, err)

	s.add(s.inc.MoveReview(at("dana", 60), incident.StageInReview, 1, 0, ""))
	s.add(s.inc.Comment(at("emil", 70), "root-cause-analysis", " which pool? "))
	events, err = s.inc.MoveReview(at("emil", 71), incident.StageReviewed, 1, 0, "")
	refused("not complete: 1 comment is not closed", events, err)
	s.saved(incident.PostmortemEdited, 2)
	s.add(s.inc.CloseComment(at("dana", 72), "c-1", "that of payments"))
	require.Equal(t, incident.Comment{
		Comment: "C-1", Section: "root-cause-analysis", Text: "which pool?", By: "emil", At: three.Add(70 * time.Minute),
		Closed: three.Add(72 * time.Minute), Closer: "dana", Answer: "that of payments",
	}, s.inc.Review.Comments[0])
	s.add(s.inc.MoveReview(at("emil", 80), incident.StageReviewed, 2, 0, ""))
	require.Equal(t, incident.StageReviewed, s.inc.Review.Stage)

	s.saved(incident.PostmortemEdited, 3)
	require.Equal(t, incident.StageInReview, s.inc.Review.Stage, "what was reviewed is not what stands")
	s.add(s.inc.MoveReview(at("emil", 90), incident.StageReviewed, 3, 0, ""))
	s.add(s.inc.MoveReview(at("dana", 95), incident.StagePublished, 3, 0, ""))
	require.Equal(t, incident.PostmortemPublished, s.last().Kind)
	require.Equal(t, "post-mortem published, version 3", s.last().Text)
	events, err = s.inc.MoveReview(at("dana", 96), incident.StagePublished, 3, 0, "")
	refused("nothing to change: it is published", events, err)

	s.saved(incident.PostmortemEdited, 4)
	require.True(t, s.inc.Review.Changed)
	require.Equal(t, 3, s.inc.Review.Version, "what people have read is version 3")
	events, err = s.inc.MoveReview(at("dana", 97), incident.StageDraft, 4, 9, "")
	refused("something is missing: why it goes back from published to draft", events, err)
	s.add(s.inc.MoveReview(at("dana", 98), incident.StageDraft, 4, 9, "the numbers were wrong"))
	require.Equal(t, incident.StageDraft, s.inc.Review.Stage)
	require.Equal(t, "post-mortem back to draft: the numbers were wrong", s.last().Text)
}

func TestWhoHasThePostmortem(t *testing.T) {
	s := declared(t)
	dana, day := incident.Person("dana"), three.AddDate(0, 0, 3)
	s.add(s.inc.AssignReview(at("ana", 60), incident.ReviewAssignment{Owner: &dana, Due: &day}))
	require.Equal(t, "post-mortem owned by dana, due 2026-11-27", s.last().Text)
	_, err := s.inc.AssignReview(at("ana", 61), incident.ReviewAssignment{Owner: &dana})
	require.ErrorIs(t, err, incident.ErrNoChange)
	_, err = s.inc.AssignReview(at("ana", 61), incident.ReviewAssignment{})
	require.ErrorIs(t, err, incident.ErrMissing)
	s.add(s.inc.AssignReview(at("ana", 62), incident.ReviewAssignment{Due: new(time.Time)}))
	require.Equal(t, dana, s.inc.Review.Owner)
	require.True(t, s.inc.Review.Due.IsZero())
	for _, err := range []error{
		func() error { _, err := s.inc.Comment(at("ana", 63), "", " "); return err }(),
		func() error { _, err := s.inc.CloseComment(at("ana", 63), "C-7", ""); return err }(),
	} {
		require.ErrorIs(t, err, incident.ErrMissing)
	}
	for text, want := range map[string]incident.Stage{"draft": "", "In-Review": incident.StageInReview, "in_review": incident.StageInReview, "reviewed": incident.StageReviewed, " published ": incident.StagePublished} {
		got, err := incident.ParseStage(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err = incident.ParseStage("done")
	require.EqualError(t, err, `"done" is no stage of a post-mortem: draft, in-review, reviewed or published`)
}

func TestActionItemsChange(t *testing.T) {
	s := declared(t)
	due := three.AddDate(0, 0, 7)
	s.add(s.inc.AddItem(at("ana", 50), "look at the pool", "", time.Time{}))
	words, who, note, yes, no := "alert on a full pool", incident.Person("dana"), "with the one of carts", true, false
	s.add(s.inc.ChangeItem(at("dana", 60), incident.ItemChange{Item: "ai-1", Text: &words, Owner: &who, Due: &due, Note: &note}))
	require.Equal(t, "AI-1 now: alert on a full pool; owner dana; due 2026-12-01; remark: with the one of carts", s.last().Text)
	require.Equal(t, incident.OpenItem{Item: incident.Item{Item: "AI-1", Text: words, Owner: who, Due: due}, Added: three.Add(50 * time.Minute), Was: "look at the pool", Note: note}, s.inc.Items[0])
	_, err := s.inc.ChangeItem(at("dana", 61), incident.ItemChange{Item: "AI-1", Text: &words})
	require.ErrorIs(t, err, incident.ErrNoChange)

	s.add(s.inc.ChangeItem(at("dana", 62), incident.ItemChange{Item: "AI-1", Dropped: &yes}))
	require.True(t, s.inc.Items[0].Dropped)
	require.False(t, s.inc.Items[0].Closed.IsZero(), "it is nobody's duty any more")
	s.add(s.inc.ChangeItem(at("dana", 63), incident.ItemChange{Item: "AI-1", Dropped: &no}))
	require.True(t, s.inc.Items[0].Closed.IsZero())
	s.add(s.inc.CloseItem(at("dana", 64), "AI-1"))
	_, err = s.inc.ChangeItem(at("dana", 65), incident.ItemChange{Item: "AI-1", Dropped: &yes})
	require.ErrorIs(t, err, incident.ErrTooLate)
	first := "look at the pool"
	s.add(s.inc.ChangeItem(at("dana", 66), incident.ItemChange{Item: "AI-1", Text: &first}))
	require.Empty(t, s.inc.Items[0].Was, "its first words again")
	_, err = s.inc.ChangeItem(at("dana", 67), incident.ItemChange{Item: "AI-9"})
	require.ErrorIs(t, err, incident.ErrMissing)
	empty := " "
	_, err = s.inc.ChangeItem(at("dana", 67), incident.ItemChange{Item: "AI-1", Text: &empty})
	require.ErrorContains(t, err, "--drop says that nobody will do it")
}

func TestAnEventIsToldOtherwise(t *testing.T) {
	s := declared(t)
	s.add(s.inc.Note(at("bob", 1), "pool exhausted"))
	note := s.last()
	words, remark, when, yes := "the pool of payments was full", "see the graph", three.Add(-time.Minute), true
	s.add(s.inc.Retell(at("dana", 60), note, incident.Retelling{Text: &words, Note: &remark, At: &when}))
	require.Equal(t, "event 2 told as the pool of payments was full, at 2026-11-24 02:59:00Z, with the remark: see the graph", s.last().Text)
	s.add(s.inc.Retell(at("dana", 61), note, incident.Retelling{Hidden: &yes, Text: new(string), At: new(time.Time), Note: new(string)}))
	require.Equal(t, "event 2 hidden, in its own words, at when it was recorded, without a remark", s.last().Text)
	_, err := s.inc.Retell(at("dana", 62), note, incident.Retelling{})
	require.ErrorIs(t, err, incident.ErrMissing)
	_, err = s.inc.Retell(at("dana", 62), s.last(), incident.Retelling{Hidden: &yes})
	require.ErrorContains(t, err, "is about the post-mortem itself")
	_, err = s.inc.Retell(at("dana", 62), incident.Event{Seq: 9, Incident: "INC-2"}, incident.Retelling{Hidden: &yes})
	require.ErrorContains(t, err, "event 9 belongs to INC-2")
	long := strings.Repeat("ü", 501)
	_, err = s.inc.Retell(at("dana", 62), note, incident.Retelling{Note: &long})
	require.ErrorContains(t, err, "501 characters, at most 500")
	require.Equal(t, incident.Retelling{Text: &words, Hidden: &yes}, incident.Retelling{Text: &long}.And(incident.Retelling{Text: &words, Hidden: &yes}))
}
