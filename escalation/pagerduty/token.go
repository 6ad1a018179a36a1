package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sitrep-dev/sitrep/escalation"
)

// Token is what PagerDuty says of an API token.
type Token struct {
	User       User     // whose it is; the zero User for an account's
	Role       string   // of the user
	Abilities  []string // of the account's plan
	CannotList bool     // the token may not see the abilities
}

// abilityResponders is the ability to request responders. Source: PagerDuty, REST
// API, Request responders.
const abilityResponders = "coordinated_responding"

// Requests says whether the account's plan lets responders be requested; it is true
// if nobody knows.
func (t Token) Requests() bool {
	return t.CannotList || slices.Contains(t.Abilities, abilityResponders)
}

// ReadOnly says whether the token's user may change nothing. Of an account's token
// only a change can tell.
func (t Token) ReadOnly() bool {
	return slices.Contains([]string{"observer", "read_only_user", "read_only_limited_user"}, t.Role)
}

// Token asks what the token is. Which of the two kinds it is shows in that users/me
// is only for those of a user. Source: PagerDuty, REST API, List abilities, Get the
// current user.
func (a *API) Token(ctx context.Context) (Token, error) {
	var t Token
	var list struct{ Abilities lax[[]string] }
	var refused *CallError
	err := a.get(ctx, "/abilities", nil, &list)
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden:
		t.CannotList = true
	case err != nil:
		return t, a.whereTo(err)
	}
	t.Abilities = list.Abilities.v
	var me struct{ User json.RawMessage }
	err = a.get(ctx, "/users/me", nil, &me)
	switch {
	case errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusForbidden || refused.Status == http.StatusNotFound):
		return t, nil
	case err != nil:
		return t, a.whereTo(err)
	}
	var who ref
	var role struct{ Role lax[string] }
	_, _ = json.Unmarshal(me.User, &who), json.Unmarshal(me.User, &role) // what is missing is not said
	t.User, t.Role = User{ID: who.ID, Name: who.Summary, Email: who.Email}, role.Role.v
	return t, nil
}

// whereTo says of a token that PagerDuty does not know why that may be.
func (a *API) whereTo(err error) error {
	var refused *CallError
	if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || refused.Class != escalation.Dead {
		return err
	}
	return fmt.Errorf("%w: %s does not know it: it was deleted or has expired, or it is that of an account in another region (pagerduty.region: us or eu)", err, a.url)
}
