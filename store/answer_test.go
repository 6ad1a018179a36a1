package store

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// The newest answer stays, whoever writes last; an export has none of it.
func TestTheNewestAnswerStays(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	body, at, err := db.Answer(t.Context(), "oncall/primary")
	require.NoError(t, err)
	require.Nil(t, body)
	require.True(t, at.IsZero())
	require.NoError(t, db.KeepAnswer(t.Context(), "oncall/primary", noon, json.RawMessage(`{"phone":"+1 4155550100"}`)))
	require.NoError(t, db.KeepAnswer(t.Context(), "oncall/primary", noon.Add(-time.Hour), json.RawMessage(`{}`)))
	require.NoError(t, db.KeepAnswer(t.Context(), "oncall/lead", noon, json.RawMessage(`[]`)))
	require.Error(t, db.KeepAnswer(t.Context(), "oncall/lead", noon, json.RawMessage(`{`)))
	body, at, err = db.Answer(t.Context(), "oncall/primary")
	require.NoError(t, err)
	require.JSONEq(t, `{"phone":"+1 4155550100"}`, string(body))
	require.Equal(t, noon, at)
	var out bytes.Buffer
	_, err = db.Export(t.Context(), &out)
	require.NoError(t, err)
	require.NotContains(t, out.String(), "4155550100")
}

func TestWhatWasHeardIsNotForgotten(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	at, err := db.Heard(t.Context(), "Q1", "INC-1")
	require.NoError(t, err)
	require.True(t, at.IsZero())
	require.NoError(t, db.SetHeard(t.Context(), "Q1", "INC-1", noon))
	require.NoError(t, db.SetHeard(t.Context(), "Q1", "INC-1", noon.Add(-time.Minute)))
	at, err = db.Heard(t.Context(), "Q1", "INC-1")
	require.NoError(t, err)
	require.Equal(t, noon, at)
	require.NoError(t, db.SetHeard(t.Context(), "Q1", "INC-2", noon.Add(time.Hour)))
	of, err := db.HeardOf(t.Context(), "Q1")
	require.NoError(t, err)
	require.Equal(t, []incident.ID{"INC-2", "INC-1"}, of)
}
