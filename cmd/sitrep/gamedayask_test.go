package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
)

// Whoever answers reads what was recorded, and whom the day still waits for.
func TestAnAnswerSaysWhatIsStillWanted(t *testing.T) {
	began, until := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC), time.Date(2026, 11, 25, 3, 15, 0, 0, time.UTC)
	day := func(of []string, answers ...gameday.Answer) gameday.Result {
		return gameday.Result{Run: "GD-3", Steps: []gameday.StepResult{{ID: "ready", Asks: true, StartedAt: &began, Until: &until, Of: of, Answers: answers}}}
	}
	two := []string{"ana", "bob"}
	for _, c := range []struct {
		r      gameday.Result
		answer gameday.Answer
		want   string
	}{
		{day(two), gameday.Answer{Step: "ready", By: "ana", Go: true, Note: "all here"}, "GD-3 ready: recorded ana: go: all here; go is still wanted of bob until 2026-11-25 03:15:00Z"},
		{day(two, gameday.Answer{By: "bob", Go: true}), gameday.Answer{Step: "ready", By: "ana", Go: true}, "GD-3 ready: recorded ana: go; nobody else is asked, it goes on"},
		{day(nil), gameday.Answer{Step: "ready", By: "cem", Go: true}, "GD-3 ready: recorded cem: go; nobody else is asked, it goes on"},
		{day(two), gameday.Answer{Step: "ready", By: "cem", Go: true}, "GD-3 ready: recorded cem: go; it is not theirs to say: go is wanted of ana, bob until 2026-11-25 03:15:00Z"},
		{day(two), gameday.Answer{Step: "ready", By: "cem"}, "GD-3 ready: recorded cem: no; the game day ends"},
	} {
		require.Equal(t, c.want, answerText(c.r, c.answer))
	}
}
