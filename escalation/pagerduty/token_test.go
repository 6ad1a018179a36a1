package pagerduty

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a token is, and why one does not work, in words.
func TestWhatATokenIs(t *testing.T) {
	const abilities = `{"abilities":["teams","coordinated_responding"]}`
	me := `{"user":{"id":"PU1","name":"Ana","email":"ana@example.com","role":"read_only_user"}}`
	for name, c := range map[string]struct {
		able, me int
		list     string
		want     Token
		err      string
	}{
		"an account's":       {200, 400, abilities, Token{Abilities: []string{"teams", "coordinated_responding"}}, ""},
		"a user's":           {200, 200, abilities, Token{User: User{ID: "PU1", Name: "Ana", Email: "ana@example.com"}, Role: "read_only_user", Abilities: []string{"teams", "coordinated_responding"}}, ""},
		"with odd abilities": {200, 400, `{"abilities":7}`, Token{}, ""},
		"that sees little":   {403, 403, `{"error":{"message":"Access Denied","code":2010}}`, Token{CannotList: true}, ""},
		"unknown":            {401, 401, `{"error":{"message":"Unauthorized","code":2006}}`, Token{}, "does not know it: it was deleted or has expired, or it is that of an account in another region"},
		"elsewhere":          {404, 404, `nothing here`, Token{}, "no REST API there: check pagerduty.api_url"},
	} {
		a := account(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/abilities":
				says(c.able, c.list)(w, r)
			case "/users/me":
				says(c.me, me)(w, r)
			}
		})
		got, err := a.Token(t.Context())
		if c.err != "" {
			require.ErrorContains(t, err, c.err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	require.False(t, Token{}.Requests())
	require.True(t, Token{CannotList: true}.Requests())
	require.True(t, Token{Role: "observer"}.ReadOnly())
}
